"""Bootstrap intervals of link contributions."""

from __future__ import annotations

import numpy as np
import pytest

from abplat import stats
from abplat.errors import InvalidInputError

CONTROL, TREATMENT = (4_000, 2_400, 1_200, 600), (4_000, 2_420, 1_500, 740)


def test_it_agrees_with_the_delta_method_where_counts_are_large() -> None:
    """Points to the last digit, bounds within a tenth of their width."""
    found = stats.bootstrap_links(CONTROL, TREATMENT, seed=5, replicates=4_000)
    delta = stats.decompose_links(CONTROL, TREATMENT)

    assert isinstance(found, stats.LinkShares)
    assert isinstance(delta, stats.LinkDecomposition)
    for drawn, known in zip(found.links, delta.links, strict=True):
        assert known.points is not None
        assert known.points_ci_lower is not None
        assert known.points_ci_upper is not None
        width = known.points_ci_upper - known.points_ci_lower
        assert drawn.points == pytest.approx(known.points)
        assert drawn.ci_lower == pytest.approx(known.points_ci_lower, abs=width / 10)
        assert drawn.ci_upper == pytest.approx(known.points_ci_upper, abs=width / 10)


def test_the_same_seed_gives_the_same_interval_and_another_another() -> None:
    """A report can be made again, byte for byte."""
    first, second, third = (stats.bootstrap_links(CONTROL, TREATMENT, seed=seed) for seed in (1, 1, 2))

    assert first == second
    assert first != third


def test_value_per_completer_is_the_last_link() -> None:
    """The same customers worth twice as much: the gain lies in the last link alone."""
    generator = np.random.default_rng(0)
    arms = []
    for factor in (1.0, 2.0):
        completed = (np.arange(4_000) < 600).astype(float)
        values = completed * generator.lognormal(3, 0.4, 4_000) * factor
        together = np.cov(values, completed)
        arms.append(
            stats.ArmValue(
                mean=float(values.mean()),
                sd=float(together[0, 0] ** 0.5),
                with_completion=float(together[0, 1]),
            )
        )
    found = stats.bootstrap_links(CONTROL, CONTROL, control_value=arms[0], treatment_value=arms[1], seed=1)

    assert isinstance(found, stats.LinkShares)
    assert found.links[-1].ci_lower > 0
    assert found.links[-1].points == pytest.approx(found.difference)
    assert found.difference == pytest.approx(arms[1].mean - arms[0].mean)


def test_swapping_the_arms_turns_the_signs() -> None:
    """Of the points; the draws differ."""
    there, back = stats.bootstrap_links(CONTROL, TREATMENT), stats.bootstrap_links(TREATMENT, CONTROL)

    assert isinstance(there, stats.LinkShares)
    assert isinstance(back, stats.LinkShares)
    assert [link.points for link in there.links] == pytest.approx([-link.points for link in back.links])


def test_the_interval_covers_the_truth_as_often_as_it_says() -> None:
    """Over 200 draws: within three binomial deviations of 95 %."""
    generator, hits = np.random.default_rng(8), 0
    shares = (np.array([0.4, 0.3, 0.3]), np.array([0.4, 0.2, 0.4]))
    counts = [tuple(int(n) for n in np.cumsum((share * 1_000)[::-1])[::-1].round()) for share in shares]
    truth = stats.bootstrap_links(*counts, replicates=200)
    assert isinstance(truth, stats.LinkShares)
    for seed in range(200):
        drawn = [np.cumsum(generator.multinomial(1_000, share)[::-1])[::-1].tolist() for share in shares]
        found = stats.bootstrap_links(*drawn, replicates=400, seed=seed)
        assert isinstance(found, stats.LinkShares)
        hits += found.links[1].ci_lower <= truth.links[1].points <= found.links[1].ci_upper

    assert hits >= 190 - 3 * np.sqrt(200 * 0.05 * 0.95)


def test_what_cannot_be_computed_has_a_reason() -> None:
    """An empty arm; a value without anybody who completed."""
    worth = stats.ArmValue(mean=1.0, sd=1.0, with_completion=0.0)
    empty = stats.bootstrap_links((0, 0), (5, 1))
    nobody = stats.bootstrap_links((5, 0), (5, 1), control_value=worth, treatment_value=worth)

    assert isinstance(empty, stats.NotComputable)
    assert isinstance(nobody, stats.NotComputable)
    assert (empty.reason, nobody.reason) == ("no_units", "empty_link")


def test_zero_counts_are_no_fault() -> None:
    """A link that nobody crosses has a share of its own."""
    found = stats.bootstrap_links((100, 40, 0), (100, 50, 10))

    assert isinstance(found, stats.LinkShares)
    assert sum(link.points for link in found.links) == pytest.approx(0.1)


def test_nonsense_is_refused() -> None:
    """Few replicates; values of one arm."""
    worth = stats.ArmValue(mean=1.0, sd=1.0, with_completion=0.0)
    with pytest.raises(InvalidInputError):
        stats.bootstrap_links(CONTROL, TREATMENT, replicates=10)
    with pytest.raises(InvalidInputError):
        stats.bootstrap_links(CONTROL, TREATMENT, control_value=worth)
