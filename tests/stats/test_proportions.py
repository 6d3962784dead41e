"""Proportions against published tables, statsmodels and scipy."""

from __future__ import annotations

import json
import math
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import optimize
from scipy import stats as scipy_stats
from statsmodels.stats.proportion import confint_proportions_2indep, proportions_ztest

from abplat.errors import InvalidInputError
from abplat.stats import (
    ComparisonPlan,
    Moments,
    NotComputable,
    Table,
    boschloo_p,
    compare,
    compare_rows,
    pooled_z_test,
    proportion_interval,
    ratio_interval,
)
from abplat.stats.proportions import score_statistic, score_statistic_of_ratio
from abplat.stats.small_tables import compare_small_table

_PUBLISHED = json.loads((Path(__file__).parent / "oracles" / "published.json").read_text())
_TABLES = [(7, 34, 1, 34), (0, 10, 0, 12), (10, 10, 0, 5), (3, 50, 9, 60), (1, 200, 8, 190), (40, 45, 33, 45)]


def _binary(count: int, n: int) -> Moments:
    return Moments.from_values([1.0] * count + [0.0] * (n - count))


@pytest.mark.parametrize(
    ("name", "method"), [("newcombe_1998_method_10", "newcombe"), ("miettinen_nurminen_1985", "score")]
)
def test_intervals_equal_the_published_table(name: str, method: Any) -> None:
    """Oracle: Newcombe (1998), table II, to the four digits printed."""
    for row in _PUBLISHED[name]["rows"]:
        found = proportion_interval(Table(*row["table"]), method)

        assert (found.ci_lower, found.ci_upper) == pytest.approx(row["ci"], abs=6e-5)


@pytest.mark.parametrize("table", _TABLES)
@pytest.mark.parametrize(("method", "name"), [("newcombe", "newcomb"), ("agresti_caffo", "agresti-caffo")])
def test_intervals_equal_statsmodels(table: tuple[int, ...], method: Any, name: str) -> None:
    """Oracle: statsmodels confint_proportions_2indep, cut to what a difference can be."""
    found = proportion_interval(Table(*table), method, alpha=0.1)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        wanted = confint_proportions_2indep(*table, method=name, compare="diff", alpha=0.1)
    assert (found.ci_lower, found.ci_upper) == pytest.approx(np.clip(wanted, -1, 1), abs=1e-9)


@pytest.mark.parametrize("table", [t for t in _TABLES if t[0] and t[2]])
def test_the_score_interval_of_the_ratio_equals_statsmodels(table: tuple[int, ...]) -> None:
    """Oracle: statsmodels confint_proportions_2indep(compare="ratio", method="score"), right there."""
    found = ratio_interval(Table(*table))

    wanted = confint_proportions_2indep(*table, method="score", compare="ratio")
    assert (found.ci_lower + 1, found.ci_upper + 1) == pytest.approx(wanted, rel=1e-4)


@pytest.mark.parametrize("table", _TABLES)
@pytest.mark.parametrize("difference", [-0.6, -0.2, 0.05, 0.3])
def test_the_score_statistic_uses_the_constrained_maximum(table: tuple[int, ...], difference: float) -> None:
    """Oracle: the likelihood under the constraint maximised by scipy.optimize.minimize_scalar."""
    x, n, y, m = table
    wanted = optimize.minimize_scalar(
        lambda q: (
            -(
                scipy_stats.binom.logpmf(x, n, min(max(q + difference, 1e-12), 1 - 1e-12))
                + scipy_stats.binom.logpmf(y, m, min(max(q, 1e-12), 1 - 1e-12))
            )
        ),
        bounds=(max(0.0, -difference), min(1.0, 1 - difference)),
        method="bounded",
        options={"xatol": 1e-12},
    )
    q = wanted.x
    p = q + difference
    variance = (p * (1 - p) / n + q * (1 - q) / m) * (n + m) / (n + m - 1)
    statistic = (x / n - y / m - difference) / math.sqrt(variance)
    assert score_statistic(Table(*table), difference) == pytest.approx(statistic, rel=2e-3, abs=2e-3)


@pytest.mark.parametrize("table", _TABLES)
def test_boschloo_equals_scipy(table: tuple[int, ...]) -> None:
    """Oracle: scipy.stats.boschloo_exact (1.17), two-sided."""
    x, n, y, m = table
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        wanted = scipy_stats.boschloo_exact([[x, y], [n - x, m - y]], n=64).pvalue

    assert boschloo_p(Table(*table)) == pytest.approx(wanted, rel=1e-6)


def test_the_pooled_z_equals_statsmodels() -> None:
    """Oracle: statsmodels proportions_ztest."""
    z, p = pooled_z_test(Table(235, 2435, 157, 2435))

    assert (z, p) == pytest.approx(proportions_ztest([235, 157], [2435, 2435]), rel=1e-12)
    assert pooled_z_test(Table(0, 9, 0, 9)) == NotComputable("zero_variance")
    assert pooled_z_test(Table(0, 0, 0, 9)) == NotComputable("no_units")


def test_a_small_table_is_compared_by_score_and_exact_test() -> None:
    """An expected cell below ten switches to the score interval and Boschloo's p-value."""
    found = compare(_binary(7, 34), _binary(1, 34), ComparisonPlan(kind="proportion"))

    assert found.method == "score+boschloo"
    assert found.p_value == boschloo_p(Table(7, 34, 1, 34))
    assert found.ci_lower == proportion_interval(Table(7, 34, 1, 34)).ci_lower
    assert found.rel_ci_lower == ratio_interval(Table(7, 34, 1, 34)).ci_lower
    assert compare_rows([_binary(7, 34)], [_binary(1, 34)], ComparisonPlan(kind="proportion")) == (found,)


def test_a_large_table_is_compared_by_welch() -> None:
    """With ten or more expected in every cell the common estimator serves."""
    plan = ComparisonPlan(kind="proportion")

    assert compare(_binary(30, 60), _binary(20, 60), plan).method == "welch"
    assert compare(
        _binary(30, 60), _binary(20, 60), ComparisonPlan(kind="proportion", small_table="always")
    ).method == ("score+boschloo")


def test_rare_outcomes_in_large_arms_keep_the_score_test() -> None:
    """Beyond 200 units an arm the p-value is that of the score test, so it agrees with the interval."""
    found = compare_small_table(Table(2, 5000, 9, 5000), ComparisonPlan())

    assert found.method == "score"
    edge = compare_small_table(Table(2, 5000, 9, 5000), ComparisonPlan(alpha=found.p_value))
    assert edge.ci_upper == pytest.approx(0.0, abs=1e-9)
    assert edge.rel_ci_upper == pytest.approx(0.0, abs=1e-7)


def test_nobody_in_both_arms_still_has_an_interval() -> None:
    """Zero of n is information: the interval is finite, the relative effect has a reason."""
    found = compare(_binary(0, 10), _binary(0, 12), ComparisonPlan(kind="proportion"))

    assert (found.effect, found.p_value) == (0.0, 1.0)
    assert -0.3 < found.ci_lower < 0 < found.ci_upper < 0.3
    assert found.rel_reason == "zero_baseline"
    assert found.rel_ci_lower is None


def test_an_exact_test_that_disagrees_is_flagged() -> None:
    """Interval and exact test may differ about 0; the reader is told."""
    tables = [Table(x, 12, y, 11) for x in range(13) for y in range(12)]
    found = [compare_small_table(table, ComparisonPlan()) for table in tables]

    flagged = [f for f in found if "exact_test_disagrees" in f.flags]
    assert flagged
    assert all((f.p_value < 0.05) != (f.ci_lower > 0 or f.ci_upper < 0) for f in flagged)
    assert all((f.p_value < 0.05) == (f.ci_lower > 0 or f.ci_upper < 0) for f in found if not f.flags)


def test_a_dropped_covariate_is_named() -> None:
    """A small table has no covariate adjustment, and says so."""
    records = [Moments.from_values([1.0] + [0.0] * 9, covariate=np.arange(10.0)) for _ in range(2)]

    assert compare(*records, ComparisonPlan(kind="proportion")).flags == ("covariate_dropped",)


def test_impossible_assumptions_are_infinitely_far() -> None:
    """All in one arm and none in the other leave no room for a difference of -1."""
    assert score_statistic(Table(5, 5, 0, 5), -1.0) == math.inf
    assert score_statistic(Table(0, 5, 0, 5), 0.0) == 0.0
    assert score_statistic_of_ratio(Table(5, 5, 5, 5), 1.0) == 0.0
    assert score_statistic_of_ratio(Table(5, 5, 0, 5), 1e-300) > 1e6


def test_swapping_the_arms_negates_every_interval() -> None:
    """A symmetric method has no favourite arm."""
    for method in ("score", "newcombe", "agresti_caffo", "pooled_z"):
        one, two = (
            proportion_interval(Table(3, 40, 9, 50), method),
            proportion_interval(Table(9, 50, 3, 40), method),
        )

        assert (one.ci_lower, one.ci_upper) == pytest.approx((-two.ci_upper, -two.ci_lower), abs=1e-12)


def test_empty_arms_have_no_units() -> None:
    """No units, no interval."""
    empty = Table(0, 0, 1, 5)

    assert proportion_interval(empty) == NotComputable("no_units")
    assert ratio_interval(empty) == NotComputable("no_units")
    assert boschloo_p(empty) == NotComputable("no_units")
    assert compare_small_table(empty, ComparisonPlan()) == NotComputable("no_units")
    assert ratio_interval(Table(1, 5, 0, 5)) == NotComputable("zero_baseline")
    assert ratio_interval(Table(0, 5, 2, 5)).ci_lower == -1.0


@pytest.mark.parametrize(
    "call",
    [
        lambda: Table(-1, 5, 0, 5),
        lambda: Table(6, 5, 0, 5),
        lambda: Table(1.5, 5, 0, 5),
        lambda: Table(treatment_count=True, treatment_n=5, control_count=0, control_n=5),
        lambda: proportion_interval(Table(1, 5, 1, 5), "wald"),
        lambda: proportion_interval(Table(1, 5, 1, 5), alpha=1.0),
        lambda: boschloo_p(Table(1, 500, 1, 5)),
        lambda: compare(Moments.from_values([2.0, 0.0]), _binary(1, 2), ComparisonPlan(kind="proportion")),
    ],
)
def test_a_wrong_call_is_refused(call: Any) -> None:
    """Tables that cannot be are an error."""
    with pytest.raises(InvalidInputError):
        call()
