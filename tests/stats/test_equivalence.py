"""Power and size for equivalence and for shares against a margin, against PowerTOST, gsDesign and enumeration."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.stats import binom

from abplat.errors import InvalidInputError
from abplat.stats import (
    Design,
    Moments,
    Monitoring,
    NotComputable,
    SampleSize,
    calculate_equivalence_power,
    calculate_equivalence_size,
    calculate_power,
    calculate_sample_size,
    check_equivalence,
    mean_outcome,
    proportion_outcome,
    with_covariate,
)
from abplat.stats.planning.variance import restricted_variance
from abplat.stats.proportions import score_statistic, score_statistic_of_ratio
from abplat.stats.tables import Table


def test_size_and_power_are_those_of_powertost() -> None:
    """R PowerTOST: sampleN.TOST(theta0=0.95, CV=0.20, design="2x2", targetpower=0.8) gives 20, 0.8346802.

    The cross-over on the log scale has SE sqrt(2 mse / n), mse = log(1 + CV^2), and n - 2 degrees of
    freedom: two parallel arms of half the variance.
    """
    outcome = mean_outcome(0.0, math.sqrt(math.log(1 + 0.2**2) / 2))
    found = calculate_equivalence_size(outcome, math.log(0.95), Design(margin=math.log(1.25), sides=1))

    assert isinstance(found, SampleSize)
    assert (found.n_units, round(found.power, 7)) == (20, 0.8346802)


@pytest.mark.parametrize(("scale", "margin", "baseline"), [("absolute", 0.4, 3.0), ("relative", 0.12, 3.0)])
def test_power_is_as_planned_in_simulation(scale: str, margin: float, baseline: float) -> None:
    """By check_equivalence on normal draws, with a true effect and arms of unequal size."""
    design = Design(margin=margin, sides=1, scale=scale, shares=(0.4, 0.6))  # type: ignore[arg-type]
    effect = 0.1 * margin
    found = calculate_equivalence_size(mean_outcome(baseline, 1.0), effect, design)
    assert isinstance(found, SampleSize)
    rng, runs = np.random.default_rng(5), 1500
    gap = effect if scale == "absolute" else effect * baseline
    control, treatment = (
        rng.normal(mean, 1.0, (runs, n))
        for mean, n in zip((baseline, baseline + gap), found.arm_sizes, strict=True)
    )
    shown = 0
    for t, c in zip(treatment, control, strict=True):
        test = check_equivalence(Moments.from_values(t), Moments.from_values(c), margin, scale=scale)  # type: ignore[arg-type]
        shown += not isinstance(test, NotComputable) and test.is_shown

    assert found.power >= 0.8
    assert shown / runs == pytest.approx(found.power, abs=0.015 + 3 * (0.16 / runs) ** 0.5)


def test_a_covariate_saves_and_the_border_is_never_reached() -> None:
    """Half the variance is about half the units; at the margin no number is enough."""
    outcome, design = mean_outcome(0.0, 1.0), Design(margin=0.1, sides=1)
    plain, saved = (
        calculate_equivalence_size(each, 0.0, design) for each in (outcome, with_covariate(outcome, 0.5**0.5))
    )
    border = calculate_equivalence_size(outcome, 0.1, design)

    assert isinstance(plain, SampleSize)
    assert isinstance(saved, SampleSize)
    assert saved.n_units == pytest.approx(plain.n_units / 2, rel=2e-3)
    assert isinstance(border, NotComputable)
    assert calculate_equivalence_power(outcome, 0.0, 10, design) < 1e-6


def test_size_of_shares_is_that_of_gsdesign() -> None:
    """R gsDesign, vignette on binomial designs: nBinomial(p1=0.2, p2=0.1, ratio=2, alpha=0.025, beta=0.15) is 496."""
    design = Design(
        margin=1e-12, sides=1, alpha=0.025, power=0.85, shares=(2 / 3, 1 / 3), null_variance="restricted"
    )
    found = calculate_sample_size(proportion_outcome(0.1), 0.1, design)

    assert isinstance(found, SampleSize)
    assert found.n_units == pytest.approx(496, abs=1)


@pytest.mark.parametrize("scale", ["absolute", "relative"])
@pytest.mark.parametrize("direction", ["up", "down"])
def test_the_restricted_variance_is_at_the_likeliest_shares(scale: str, direction: str) -> None:
    """scipy.optimize.minimize_scalar of the binomial likelihood of the expected counts on the margin."""
    design = Design(
        margin=0.08, sides=1, shares=(0.3, 0.7), scale=scale, direction=direction, null_variance="restricted"
    )  # type: ignore[arg-type]
    p_c, p_t, sign = 0.3, 0.33, -1 if direction == "up" else 1
    effect = 0.03 if scale == "absolute" else 0.1

    def at_null(q: float) -> float:
        """Return the treated share on the margin."""
        return q + sign * 0.08 if scale == "absolute" else q * (1 + sign * 0.08)

    def surprise(q: float) -> float:
        """Return minus the log likelihood."""
        p = at_null(q)
        rows = ((0.7, p_t, p), (0.3, p_c, q))
        return -sum(s * (seen * math.log(null) + (1 - seen) * math.log(1 - null)) for s, seen, null in rows)

    q = minimize_scalar(surprise, bounds=(0.1, 0.8), method="bounded", options={"xatol": 1e-10}).x
    p, weight = at_null(q), 1.0 if scale == "absolute" else 1 + sign * 0.08
    wanted = p * (1 - p) / 0.7 + weight**2 * q * (1 - q) / 0.3
    assert restricted_variance(proportion_outcome(p_c), effect, design) == pytest.approx(wanted, rel=1e-6)


@pytest.mark.parametrize(("scale", "margin"), [("absolute", 0.12), ("relative", 0.15)])
def test_power_of_the_score_test_is_exact_enumeration(scale: str, margin: float) -> None:
    """All tables of 170 and 85 units, each with its binomial chance: power as planned within 1.5 points."""
    design = Design(margin=margin, sides=1, shares=(1 / 3, 2 / 3), scale=scale, null_variance="restricted")  # type: ignore[arg-type]
    n_t, n_c, share = 170, 85, 0.8
    chance = np.outer(binom.pmf(np.arange(n_t + 1), n_t, share), binom.pmf(np.arange(n_c + 1), n_c, share))
    statistic = score_statistic if scale == "absolute" else score_statistic_of_ratio
    null = -margin if scale == "absolute" else 1 - margin
    power = sum(
        chance[x, y]
        for x, y in zip(*np.nonzero(chance > 1e-9), strict=True)
        if statistic(Table(int(x), n_t, int(y), n_c), null) > 1.6448536
    )

    assert calculate_power(proportion_outcome(share), 0.0, n_t + n_c, design) == pytest.approx(
        power, abs=0.015
    )


@pytest.mark.parametrize(
    "call",
    [
        lambda: calculate_equivalence_power(mean_outcome(0.0, 1.0), 0.0, 100, Design()),
        lambda: calculate_equivalence_size(
            mean_outcome(0.0, 1.0),
            0.0,
            Design(margin=0.1, sides=1, monitoring=Monitoring(kind="group_sequential", n_looks=3)),
        ),
        lambda: Design(null_variance="pooled"),
    ],
)
def test_bad_input_is_refused(call: Callable[[], object]) -> None:
    """By name."""
    with pytest.raises(InvalidInputError):
        call()
