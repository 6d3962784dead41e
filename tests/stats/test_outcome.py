"""What one unit contributes, by kind, and read from moment records."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

from abplat.errors import InvalidInputError
from abplat.stats import Moments, NotComputable
from abplat.stats.planning import (
    Outcome,
    count_outcome,
    mean_outcome,
    outcome_from_moments,
    proportion_outcome,
    quantile_outcome,
    ratio_outcome,
    with_clusters,
    with_covariate,
)
from abplat.stats.planning.history import Kind


def test_variances_follow_the_value_by_kind() -> None:
    """Shares by v (1 - v), counts in proportion, means not at all."""
    assert proportion_outcome(0.1).variance_at(0.5) == pytest.approx(0.25)
    assert count_outcome(2.0, dispersion=3.0).variance_at(4.0) == pytest.approx(12.0)
    assert mean_outcome(5.0, 2.0).variance_at(-7.0) == 4.0


def test_reductions_and_clusters_multiply_for_every_kind() -> None:
    """CUPED and design effect scale the share's variance at every value."""
    outcome = with_clusters(with_covariate(proportion_outcome(0.2), 0.5), size=11, intraclass=0.1)

    assert outcome.variance_at(0.5) == pytest.approx(0.25 * 0.75 * 2.0)
    assert with_clusters(outcome, 10, 0.1, size_variation=1.0).variance == pytest.approx(
        outcome.variance * 2.9
    )


def test_ratio_variance_is_the_spread_of_sample_ratios() -> None:
    """4,000 seeded samples of 500 units: the delta method within 4 %."""
    rng = np.random.default_rng(2)
    d = rng.poisson(3.0, (4_000, 500)) + 1.0
    y = 0.5 * d + rng.standard_normal(d.shape) + 2
    outcome = ratio_outcome((4.0, 4.0), (0.25 * 3 + 1, 3.0), 1.5)

    assert outcome.variance / 500 == pytest.approx(np.var(y.sum(1) / d.sum(1)), rel=0.06)


def test_quantile_variance_is_the_spread_of_sample_medians() -> None:
    """4,000 seeded samples of 401 normal values."""
    medians = np.median(np.random.default_rng(3).standard_normal((4_000, 401)), axis=1)

    assert quantile_outcome(0.0, 0.5, density=0.39894228).variance / 401 == pytest.approx(
        np.var(medians), rel=0.08
    )


def make_history(n: int = 5_000) -> tuple[npt.NDArray[np.float64], ...]:
    """Make past units with a correlated pre-period and a denominator."""
    rng = np.random.default_rng(4)
    d = rng.poisson(2.0, n) + 1.0
    x = rng.gamma(2.0, 1.0, n) * d
    return x + rng.standard_normal(n), d, x


def test_record_of_a_mean_gives_mean_and_variance_left() -> None:
    """The residual of a regression on the covariate (numpy.linalg.lstsq)."""
    y, _, x = make_history()
    slopes = np.polyfit(x, y, 1)
    left = np.var(y - np.polyval(slopes, x), ddof=1)
    outcome = outcome_from_moments(Moments.from_values(y, covariate=x))

    assert outcome.baseline == pytest.approx(y.mean())
    assert outcome.variance == pytest.approx(left, rel=1e-9)
    assert outcome_from_moments(Moments.from_values(y)).variance == pytest.approx(np.var(y, ddof=1))


def test_record_of_a_ratio_is_linearised() -> None:
    """As by ratio_outcome from the same moments; a ratio covariate takes variance off."""
    y, d, x = make_history()
    cov = np.cov(y, d)
    plain = outcome_from_moments(Moments.from_values(y, denominator=d), "ratio")
    by_hand = ratio_outcome((y.mean(), d.mean()), (cov[0, 0], cov[1, 1]), cov[0, 1])
    record = Moments.from_values(y, denominator=d, covariate=x, covariate_denominator=d)

    assert (plain.baseline, plain.variance) == pytest.approx((by_hand.baseline, by_hand.variance))
    assert outcome_from_moments(record, "ratio").variance < 0.5 * plain.variance


def test_record_of_counts_grows_with_the_rate() -> None:
    """Over-dispersion comes from the record."""
    outcome = outcome_from_moments(Moments.from_values([0, 1, 2, 5, 0, 4]), "count")

    assert outcome.growth == "linear"
    assert outcome.variance_at(2 * outcome.baseline) == pytest.approx(2 * outcome.variance)


@pytest.mark.parametrize(
    ("record", "kind", "reason"),
    [
        (Moments.from_values([]), "mean", "no_units"),
        (Moments.from_values([1.0]), "mean", "too_few_units"),
        (Moments.from_values([1.0, 1.0, 1.0]), "proportion", "zero_variance"),
        (Moments.from_values([2.0, 2.0, 2.0]), "mean", "zero_variance"),
        (Moments.from_values([0.0, 0.0, -1.0]), "count", "zero_variance"),
        (Moments.from_values([1.0, 2.0], denominator=[0.0, 0.0]), "ratio", "zero_denominator"),
        (Moments.from_values([1.0, 2.0, 4.0], covariate=[1.0, 2.0, 4.0]), "mean", "zero_variance"),
    ],
)
def test_records_that_carry_no_noise_give_a_reason(record: Moments, kind: Kind, reason: str) -> None:
    """A plan without variance would promise everything."""
    answer = outcome_from_moments(record, kind)

    assert isinstance(answer, NotComputable)
    assert answer.reason == reason


@pytest.mark.parametrize(
    "call",
    [
        lambda: Outcome(baseline=np.nan, variance=1.0),
        lambda: Outcome(baseline=1.0, variance=0.0),
        lambda: Outcome(baseline=1.0, variance=1.0, growth="other"),
        lambda: Outcome(baseline=1.0, variance=1.0, growth="binomial"),
        lambda: Outcome(baseline=-1.0, variance=1.0, growth="linear"),
        lambda: mean_outcome(0.0, 0.0),
        lambda: proportion_outcome(1.0),
        lambda: proportion_outcome(0.5).variance_at(1.0),
        lambda: count_outcome(1.0).variance_at(0.0),
        lambda: count_outcome(1.0, dispersion=0.0),
        lambda: ratio_outcome((1.0, 0.0), (1.0, 1.0), 0.0),
        lambda: ratio_outcome((1.0, 1.0), (1.0, 1.0), 1.0),
        lambda: quantile_outcome(1.0, 1.5, 0.1),
        lambda: quantile_outcome(1.0, 0.5, 0.0),
        lambda: with_covariate(mean_outcome(0.0, 1.0), 1.0),
        lambda: with_clusters(mean_outcome(0.0, 1.0), 0.5, 0.1),
        lambda: with_clusters(mean_outcome(0.0, 1.0), 5, 0.1, size_variation=-1.0),
        lambda: with_clusters(mean_outcome(0.0, 1.0), 5, 1.0),
        lambda: outcome_from_moments(Moments.from_values([1.0, 2.0]), "ratio"),
        lambda: outcome_from_moments(Moments.from_values([1.0, 2.0]), "median"),
    ],
)
def test_bad_input_is_refused(call: Callable[[], object]) -> None:
    """An error with a place, never NaN."""
    with pytest.raises(InvalidInputError):
        call()
