"""Mistakes that other tools were seen to make, each shown to be one and not made here.

The others have their tests beside the method: see test_value_mistakes, test_relative, test_sample_ratio,
test_bayesian, test_capping, test_hazards, test_quantiles, test_spending.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ndtri

from abplat.stats import (
    Bounds,
    Comparison,
    ComparisonPlan,
    ConfidenceSequencePlan,
    GroupSequentialPlan,
    Moments,
    NormalPrior,
    SampleRatioCheck,
    Table,
    check_sample_ratio,
    compare,
    crossing,
    judge_posterior,
    mixture_half_width,
    plan_mixture,
    proportion_interval,
    sequence_critical_values,
    set_bounds,
)


def test_the_interval_of_shares_does_not_use_the_variance_of_the_null() -> None:
    """tea-tasting's default covered 89 % at 5,000 against 500: the pooled variance is that of equal shares."""
    rng = np.random.default_rng(1)
    missed = {"own": 0, "pooled": 0}
    runs, (p, q), (n, m) = 1500, (0.05, 0.15), (5000, 500)
    for x, y in zip(rng.binomial(n, p, runs).tolist(), rng.binomial(m, q, runs).tolist(), strict=True):
        arms = [Moments.from_sums(k, {"y": float(c)}, {"y*y": float(c)}) for c, k in ((x, n), (y, m))]
        found = compare(arms[0], arms[1], ComparisonPlan(kind="proportion"))
        pooled = proportion_interval(Table(x, n, y, m), "pooled_z")
        assert isinstance(found, Comparison)
        missed["own"] += not found.ci_lower <= p - q <= found.ci_upper
        missed["pooled"] += not pooled.ci_lower <= p - q <= pooled.ci_upper  # type: ignore[union-attr]

    assert missed["own"] / runs == pytest.approx(0.05, abs=3.3 * (0.05 * 0.95 / runs) ** 0.5)
    assert missed["pooled"] / runs > 0.08


def test_a_split_is_given_no_allowance() -> None:
    """A tool let 5 % of deviation pass: at 100,000 units even 1 % is no chance (mozilla/experimenter#16011)."""
    found = check_sample_ratio({"control": 50_600, "treatment": 49_400}, {"control": 1, "treatment": 1})

    assert isinstance(found, SampleRatioCheck)
    assert found.alarm


@pytest.mark.parametrize(("n_looks", "error"), [(14, 0.072), (28, 0.079)])
def test_the_error_spent_is_not_the_level_of_a_look(n_looks: int, error: float) -> None:
    """A tool holds each look against all that was spent so far, 2 (1 - Phi(1.96 / sqrt t)): 7.2 and 7.9 %, not 5."""
    plan = GroupSequentialPlan()
    times = [k / n_looks for k in range(1, n_looks + 1)]
    ours = set_bounds(times, plan)
    naive = tuple(-float(ndtri(0.025)) / t**0.5 for t in times)
    wrong = crossing(Bounds(ours.fractions, naive, tuple(-b for b in naive), ours.alpha_spent), 0.0)
    right = crossing(ours, 0.0)

    assert sum(wrong.upper) + sum(wrong.lower) == pytest.approx(error, abs=0.002)
    assert sum(right.upper) + sum(right.lower) == pytest.approx(0.05, abs=1e-6)


def test_the_bar_of_a_mixture_rises_without_end() -> None:
    """A mixing variance that shrinks with n is a constant bar of 3.585, which every test crosses in the end."""
    plan = plan_mixture(1.0)
    ses = np.array([1.0, 1e-2, 1e-4, 1e-6])
    bars = mixture_half_width(ses, plan) / ses

    assert np.all(np.diff(bars) > 0.4)
    assert bars[-1] > 5


@pytest.mark.parametrize("planned", [500.0, 5_000.0, 1_000_000.0])
def test_a_confidence_sequence_is_tightest_where_it_was_planned(planned: float) -> None:
    """Tuned to 5,000 for everybody, others are 1.97 times a fixed interval at 500 and 1.87 at a million."""
    plan = ConfidenceSequencePlan(planned_n=planned)
    at_plan = float(sequence_critical_values(planned, plan))

    assert at_plan == pytest.approx(3.035, abs=5e-4)
    assert at_plan / 1.959964 == pytest.approx(1.549, abs=1e-3)


@pytest.mark.parametrize("scale", ["relative", "absolute"])
def test_a_prior_counts_on_either_scale(scale: str) -> None:
    """A tool drops an absolute prior when differences are relative; here it pulls, or it is refused."""
    prior = NormalPrior(0.0, 0.1, scale)  # type: ignore[arg-type]
    found = judge_posterior(0.2, 0.1, prior, scale=scale)  # type: ignore[arg-type]

    assert found.mean == pytest.approx(0.1)


def test_a_p_value_far_out_is_not_zero() -> None:
    """1 - cdf is exactly 0 from t = 12.8 on; the logarithm is kept even where the number would underflow."""
    rng = np.random.default_rng(2)
    y = rng.normal(0, 1, 50_000)
    near, far = (compare(Moments.from_values(y + lift), Moments.from_values(y)) for lift in (0.1, 1.0))

    assert isinstance(near, Comparison)
    assert isinstance(far, Comparison)
    assert 0 < near.p_value < 1e-40
    assert far.log10_p < -1000
