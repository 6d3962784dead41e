"""Counts and rates against statsmodels and scipy; what over-dispersion does to Poisson."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats
from statsmodels.stats import rates as sm_rates

from abplat.errors import InvalidInputError
from abplat.stats import (
    ComparisonPlan,
    Moments,
    NotComputable,
    RateTable,
    compare,
    compare_counts,
    compare_rates,
    e_test_p,
    measure_dispersion,
)
from abplat.stats.rates import score_of_rates

_TABLES = [(60, 51_477.5, 30, 54_308.7), (3, 10.0, 9, 12.5), (7, 3.0, 1, 9.0), (200, 100.0, 150, 90.0)]
"""The first is the breast cancer table of Gu et al. (2008), Ng and Tang (2005)."""


@pytest.mark.parametrize("given", _TABLES)
def test_the_score_test_equals_statsmodels(given: tuple[Any, ...]) -> None:
    """Oracle: statsmodels test_poisson_2indep and confint_poisson_2indep, method score."""
    found = compare_rates(RateTable(*given))

    wanted = sm_rates.test_poisson_2indep(*given, method="score")
    ends = sm_rates.confint_poisson_2indep(*given, method="score", compare="ratio")
    assert found.p_value == pytest.approx(wanted.pvalue, rel=1e-10)
    assert (found.ci_lower, found.ci_upper) == pytest.approx(ends, rel=1e-7)
    assert found.log10_p == pytest.approx(np.log10(wanted.pvalue), rel=1e-9)


@pytest.mark.parametrize("given", _TABLES)
def test_the_exact_test_equals_the_binomial(given: tuple[Any, ...]) -> None:
    """Oracle: scipy.stats.binomtest given the total, and its exact interval."""
    x, a, y, b = given
    found = compare_rates(RateTable(*given), "exact", alpha=0.1)

    tails = [scipy_stats.binomtest(x, x + y, a / (a + b), side).pvalue for side in ("less", "greater")]
    ends = scipy_stats.binomtest(x, x + y).proportion_ci(0.9, "exact")
    assert found.p_value == pytest.approx(min(1, 2 * min(tails)), rel=1e-9)
    odds = [e / (1 - e) * b / a for e in (ends.low, ends.high)]
    assert (found.ci_lower, found.ci_upper) == pytest.approx(odds, rel=1e-6)


@pytest.mark.parametrize("given", [*_TABLES, (0, 5.0, 4, 5.0)])
def test_the_e_test_equals_statsmodels(given: tuple[Any, ...]) -> None:
    """Oracle: statsmodels etest_poisson_2indep, score statistic."""
    wanted = sm_rates.etest_poisson_2indep(*given)[1]

    assert e_test_p(RateTable(*given)) == pytest.approx(wanted, rel=1e-7)


@settings(max_examples=80, deadline=None)
@given(
    x=st.integers(0, 60), y=st.integers(1, 60), a=st.floats(0.1, 1e4), b=st.floats(0.1, 1e4),
    method=st.sampled_from(["score", "exact"]),
)  # fmt: skip
def test_p_value_and_interval_agree(x: int, y: int, a: float, b: float, method: Any) -> None:
    """Property: p below alpha exactly when the interval excludes 1; swapping inverts the ratio."""
    found = compare_rates(RateTable(x, a, y, b), method)

    assert (found.p_value < 0.05) == (found.ci_lower > 1 or found.ci_upper < 1)
    assert found.ci_lower <= found.ratio <= found.ci_upper
    if x:
        back = compare_rates(RateTable(y, b, x, a), method)
        assert back.ratio * found.ratio == pytest.approx(1)
        assert back.p_value == pytest.approx(found.p_value, rel=1e-7)
        assert back.ci_upper * found.ci_lower == pytest.approx(1, rel=1e-6)


def test_a_far_tail_keeps_its_logarithm() -> None:
    """Oracle: the binomial tail in whole numbers (math.comb); the p-value itself underflows."""
    found = compare_rates(RateTable(4000, 1.0, 200, 1.0), "exact")

    ways = sum(math.comb(4200, k) for k in range(4000, 4201))
    wanted = math.log10(ways) - 4199 * math.log10(2)
    assert found.p_value == 0.0
    assert found.log10_p == pytest.approx(wanted, rel=1e-9)
    assert compare_rates(RateTable(200, 1.0, 4000, 1.0), "exact").log10_p == pytest.approx(wanted, rel=1e-9)


def test_dispersion_is_variance_over_mean() -> None:
    """Oracle: numpy; with a denominator, that of the counts about rate times denominator."""
    rng = np.random.default_rng(1)
    time = rng.uniform(1, 30, 50_000)
    steady = rng.poisson(0.2 * time)
    moody = rng.poisson(0.2 * time * rng.gamma(2, 0.5, time.size))

    assert measure_dispersion(Moments.from_values(steady)) == pytest.approx(
        steady.var(ddof=1) / steady.mean()
    )
    assert measure_dispersion(Moments.from_values(steady, time)) == pytest.approx(1, abs=0.03)
    assert measure_dispersion(Moments.from_values(steady)) > 1.3
    assert measure_dispersion(Moments.from_values(moody, time)) > 2


def test_robust_is_the_default_and_equals_the_one_estimator() -> None:
    """The default is compare, with covariates and strata."""
    rng = np.random.default_rng(2)
    arms = [Moments.from_values(rng.poisson(m, 300), covariate=rng.poisson(2, 300)) for m in (2.3, 2.0)]
    strata = [{"a": arm, "b": arm} for arm in arms]

    assert compare_counts(*arms).comparison == compare(*arms, ComparisonPlan(kind="count"))
    assert compare_counts(*strata).comparison == compare(*strata, ComparisonPlan(kind="count"))
    ratio = [Moments.from_values(rng.poisson(3, 200), np.full(200, 2.0)) for _ in range(2)]
    assert compare_counts(*ratio).comparison == compare(*ratio, ComparisonPlan(kind="ratio"))


def test_poisson_counts_are_compared_by_the_score_test() -> None:
    """Oracle: statsmodels, ratio and difference by the score method."""
    arms = [Moments.from_values([0] * (n - x) + [1] * x) for x, n in ((60, 4000), (30, 4200))]
    found = compare_counts(*arms, model="auto")

    given = (60, 4000, 30, 4200)
    diff = sm_rates.confint_poisson_2indep(*given, method="score", compare="diff")
    ratio = sm_rates.confint_poisson_2indep(*given, method="score", compare="ratio")
    one = found.comparison
    assert found.model == "poisson"
    assert (one.ci_lower, one.ci_upper) == pytest.approx(diff, rel=1e-6)
    assert (one.rel_ci_lower + 1, one.rel_ci_upper + 1) == pytest.approx(ratio, rel=1e-7)
    assert one.p_value == pytest.approx(sm_rates.test_poisson_2indep(*given, method="score").pvalue, rel=1e-9)


def test_few_events_are_tested_exactly() -> None:
    """Below ten events in an arm the exact test decides; a disagreement with the interval is named."""
    few = compare_counts(
        Moments.from_values([0] * 90 + [1] * 10), Moments.from_values([0] * 97 + [1] * 3), model="poisson"
    )
    none = compare_counts(
        Moments.from_values([0] * 95 + [1] * 5), Moments.from_values([0] * 99), model="poisson"
    )

    exact = compare_rates(RateTable(10, 100, 3, 100), "exact")
    assert few.comparison.method == "poisson_score+exact"
    assert few.comparison.p_value == exact.p_value
    assert few.comparison.rel_ci_upper == exact.ci_upper - 1
    assert none.comparison.rel_reason == "zero_baseline"
    assert none.comparison.rel_effect is None
    assert none.dispersion_control is None
    assert none.comparison.p_value == pytest.approx(2 * (100 / 199) ** 5)
    assert none.comparison.flags == ("exact_test_disagrees",)


def test_auto_sees_over_dispersion() -> None:
    """Customers that differ are not Poisson: auto stays robust, Poisson drops the covariate and says so."""
    rng = np.random.default_rng(3)
    arms = [
        Moments.from_values(rng.negative_binomial(0.5, 0.2, 800), covariate=rng.normal(0, 1, 800))
        for _ in range(2)
    ]
    found, forced = compare_counts(*arms, model="auto"), compare_counts(*arms, model="poisson")

    assert (found.model, found.is_overdispersed) == ("robust", True)
    assert found.dispersion_treatment > 3
    assert "covariate_dropped" in forced.comparison.flags
    assert forced.comparison.se < 0.6 * found.comparison.se


def test_robust_holds_its_error_where_poisson_does_not() -> None:
    """1,500 seeded A/A tests of counts with variance five times the mean."""
    rng = np.random.default_rng(4)
    wrong = {"robust": 0, "poisson": 0, "auto": 0}
    for _ in range(1500):
        arms = [Moments.from_values(rng.negative_binomial(1, 0.2, 200)) for _ in range(2)]
        for model in wrong:
            wrong[model] += compare_counts(*arms, model=model).comparison.p_value < 0.05

    assert 45 <= wrong["robust"] <= 105
    assert wrong["auto"] == wrong["robust"]
    assert wrong["poisson"] > 450


def test_auto_holds_its_error_on_poisson_counts() -> None:
    """1,500 seeded A/A tests of rare Poisson counts: at most the promised errors, or few more."""
    rng = np.random.default_rng(5)
    wrong = 0
    for _ in range(1500):
        arms = [Moments.from_values(rng.poisson(0.2, n)) for n in (300, 200)]
        wrong += compare_counts(*arms, model="auto").comparison.p_value < 0.05

    assert wrong <= 105


def test_what_cannot_be_computed_says_why() -> None:
    """Reasons instead of numbers."""
    zeros, empty = Moments.from_values([0, 0, 0]), Moments.from_values([])
    no_time = Moments.from_values([0, 0], [0, 0])

    assert compare_rates(RateTable(0, 1.0, 0, 1.0)) == NotComputable("no_events")
    assert score_of_rates(RateTable(0, 1.0, 0, 1.0), 0.0) == 0.0
    assert compare_rates(RateTable(3, 1.0, 0, 1.0)) == NotComputable("zero_baseline")
    assert e_test_p(RateTable(0, 1.0, 0, 1.0)) == NotComputable("no_events")
    assert compare_counts(zeros, zeros, model="poisson") == NotComputable("no_events")
    assert compare_counts(empty, zeros, model="poisson") == NotComputable("no_units")
    assert compare_counts(no_time, no_time, model="poisson") == NotComputable("zero_denominator")
    assert compare_counts(zeros, zeros) == NotComputable("zero_variance")
    assert measure_dispersion(empty) == NotComputable("no_units")
    assert measure_dispersion(zeros) == NotComputable("no_events")
    assert measure_dispersion(Moments.from_values([1, 2], [0, 0])) == NotComputable("zero_denominator")


@pytest.mark.parametrize(
    "call",
    [
        lambda: RateTable(-1, 1.0, 0, 1.0),
        lambda: RateTable(1, 0.0, 0, 1.0),
        lambda: RateTable(1, 1.0, 0.5, 1.0),
        lambda: compare_rates(RateTable(1, 1.0, 1, 1.0), "wald"),
        lambda: compare_rates(RateTable(1, 1.0, 1, 1.0), alpha=0.0),
        lambda: e_test_p(RateTable(3000, 1.0, 1, 1.0)),
        lambda: compare_counts(Moments.from_values([0.5, 1]), Moments.from_values([1, 1])),
        lambda: compare_counts(Moments.from_values([-2, 1]), Moments.from_values([1, 1])),
        lambda: compare_counts(Moments.from_values([1]), Moments.from_values([1]), model="wald"),
    ],
)
def test_a_wrong_call_is_refused(call: Callable[[], object]) -> None:
    """Counts that are none are an error of the caller."""
    with pytest.raises(InvalidInputError):
        call()
