"""Non-inferiority and equivalence."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats as scipy_stats
from statsmodels.stats.weightstats import ttost_ind

from abplat.errors import InvalidInputError
from abplat.stats import (
    ComparisonPlan,
    Moments,
    NotComputable,
    RiskTable,
    Table,
    check_equivalence,
    check_margin,
    check_restricted_mean_margin,
    compare,
    compare_restricted_means,
    proportion_interval,
    ratio_interval,
)
from abplat.stats.proportions import score_statistic, score_statistic_of_ratio


def _rows(seed: int, mean: float, n: int = 300) -> Any:
    return np.random.default_rng(seed).normal(mean, 4, n)


def _binary(count: int, n: int) -> Moments:
    return Moments.from_values([1.0] * count + [0.0] * (n - count))


@pytest.mark.parametrize(("direction", "sign"), [("up", 1), ("down", -1)])
def test_a_relative_margin_tests_the_linear_combination(direction: Any, sign: int) -> None:
    """Oracle: Tamhane-Logan from rows, (T - (1 -+ m) C) over its Welch error."""
    y1, y0 = _rows(1, 10), _rows(2, 10)
    found = check_margin(Moments.from_values(y1), Moments.from_values(y0), 0.05, direction=direction)

    weight = 1 - sign * 0.05
    gap = sign * (y1.mean() - weight * y0.mean())
    error = np.sqrt(y1.var(ddof=1) / 300 + weight**2 * y0.var(ddof=1) / 300)
    assert found.p_value == pytest.approx(scipy_stats.t.sf(gap / error, 598), rel=1e-3)
    assert found.p_breach == pytest.approx(1 - found.p_value)
    assert found.harm == pytest.approx(-sign * (y1.mean() / y0.mean() - 1))


@pytest.mark.parametrize("direction", ["up", "down"])
@pytest.mark.parametrize("scale", ["relative", "absolute"])
def test_the_bound_agrees_with_the_test(direction: Any, scale: Any) -> None:
    """With the margin at the bound the p-value is alpha."""
    arms = Moments.from_values(_rows(1, 10)), Moments.from_values(_rows(2, 10))
    first = check_margin(*arms, 0.05, direction=direction, scale=scale)
    found = check_margin(*arms, first.harm_upper, direction=direction, scale=scale)

    assert found.p_value == pytest.approx(0.05, abs=1e-9)


def test_a_guardrail_without_data_enough_is_not_shown() -> None:
    """Not significantly worse is not the same as shown to be safe."""
    arms = Moments.from_values(_rows(1, 10, 30)), Moments.from_values(_rows(2, 10, 30))
    found = check_margin(*arms, 0.05)

    assert compare(*arms).p_value > 0.05
    assert not found.is_shown
    assert not found.is_breached


def test_a_breach_is_shown_beyond_the_margin() -> None:
    """A loss of a fifth is past a margin of 5 %."""
    found = check_margin(Moments.from_values(_rows(1, 8)), Moments.from_values(_rows(2, 10)), 0.05)

    assert found.is_breached
    assert not found.is_shown
    assert found.harm > 0.05


def test_an_absolute_margin_equals_the_shifted_t_test() -> None:
    """Oracle: scipy.stats.ttest_ind of the shifted treatment, one-sided, Welch."""
    y1, y0 = _rows(1, 10), _rows(2, 10)
    found = check_margin(Moments.from_values(y1), Moments.from_values(y0), 0.5, scale="absolute")

    wanted = scipy_stats.ttest_ind(y1 + 0.5, y0, equal_var=False, alternative="greater").pvalue
    assert found.p_value == pytest.approx(wanted, rel=1e-9)


def test_equivalence_equals_two_one_sided_tests() -> None:
    """Oracle: statsmodels ttost_ind(usevar="unequal")."""
    y1, y0 = _rows(1, 10), _rows(2, 10)
    found = check_equivalence(Moments.from_values(y1), Moments.from_values(y0), 1.0, scale="absolute")

    assert found.p_value == pytest.approx(ttost_ind(y1, y0, -1.0, 1.0, usevar="unequal")[0], rel=1e-9)
    assert found.is_shown == (found.p_value < 0.05)


def test_a_margin_uses_covariates_and_strata(arms: Any) -> None:
    """Less noise shows more."""
    treatment, control = arms
    plain = check_margin(treatment.record(), control.record(), 0.05)
    adjusted = check_margin(treatment.record("x"), control.record("x"), 0.05)
    strata = check_margin(treatment.strata("x"), control.strata("x"), 0.05)

    assert max(adjusted.p_value, strata.p_value) < plain.p_value


def test_a_noisy_control_still_has_a_test_but_no_bound() -> None:
    """The linear combination needs no finite relative interval."""
    found = check_margin(Moments.from_values(_rows(1, 3, 60)), Moments.from_values(_rows(2, 0.1, 60)), 0.05)

    assert found.harm_upper is None
    assert found.is_shown


def test_a_negative_control_keeps_its_direction() -> None:
    """A control below zero: harm is measured against its size."""
    found = check_margin(Moments.from_values(_rows(1, -12)), Moments.from_values(_rows(2, -10)), 0.05)

    assert found.harm > 0
    assert found.is_breached


@pytest.mark.parametrize("direction", ["up", "down"])
def test_small_tables_are_tested_by_their_score(direction: Any) -> None:
    """Oracle: the score statistics at the margin, which are checked on their own."""
    plan = ComparisonPlan(kind="proportion")
    arms, table = (_binary(4, 40), _binary(3, 40)), Table(4, 40, 3, 40)
    sign = 1.0 if direction == "up" else -1.0
    absolute = check_margin(*arms, 0.1, direction=direction, scale="absolute", plan=plan)
    relative = check_margin(*arms, 0.5, direction=direction, plan=plan)

    assert absolute.p_value == pytest.approx(
        scipy_stats.norm.sf(sign * score_statistic(table, -sign * 0.1)), rel=1e-6
    )
    wanted = scipy_stats.norm.sf(sign * score_statistic_of_ratio(table, 1 - sign * 0.5))
    assert relative.p_value == pytest.approx(wanted, rel=1e-6)
    interval, ratio = proportion_interval(table, alpha=0.1), ratio_interval(table, alpha=0.1)
    assert absolute.harm_upper == (-interval.ci_lower if sign > 0 else interval.ci_upper)
    assert relative.harm_upper == (-ratio.ci_lower if sign > 0 else ratio.ci_upper)
    assert check_equivalence(*arms, 0.3, scale="absolute", plan=plan).is_shown


def test_a_small_table_with_control_at_zero_has_no_relative_margin() -> None:
    """Nothing is a share of nothing; the absolute margin serves."""
    plan = ComparisonPlan(kind="proportion")
    arms = _binary(1, 20), _binary(0, 20)

    assert check_margin(*arms, 0.1, plan=plan) == NotComputable("zero_baseline")
    assert check_equivalence(*arms, 0.1, plan=plan) == NotComputable("zero_baseline")
    assert check_margin(*arms, 0.4, scale="absolute", plan=plan).is_shown


def test_restricted_means_have_a_margin() -> None:
    """Oracle: (T - 1.1 C) over the combined error of both means, normal."""
    rng = np.random.default_rng(4)
    arms = [RiskTable.from_times(rng.exponential(m, 400), np.ones(400, dtype=bool), tau=10) for m in (5, 5)]
    means = compare_restricted_means(*arms, 10)
    found = check_restricted_mean_margin(means, 0.1)

    gap = 1.1 * means.control.value - means.treatment.value
    error = np.hypot(means.treatment.se, 1.1 * means.control.se)
    assert found.p_value == pytest.approx(scipy_stats.norm.sf(gap / error), rel=1e-6)
    assert found.harm == pytest.approx(means.rel_effect)
    assert check_restricted_mean_margin(means, 0.1, direction="up").harm == pytest.approx(-means.rel_effect)
    assert check_restricted_mean_margin(NotComputable("no_units"), 0.1) == NotComputable("no_units")


def test_a_time_of_zero_has_no_margin() -> None:
    """Control done at once: no relative harm."""
    instant = RiskTable.from_times([0.0, 0.0], [True, True])
    means = compare_restricted_means(RiskTable.from_times([1, 3], [True, True]), instant, 3)

    assert check_restricted_mean_margin(means, 0.1) == NotComputable("zero_baseline")


@pytest.mark.parametrize(
    ("treatment", "control", "reason"),
    [
        ([], [1.0], "no_units"),
        ([2.0, 2.0], [2.0, 2.0], "zero_variance"),
        ([1.0, -1.0], [0.0, 0.0], "zero_baseline"),
    ],
)
def test_what_cannot_be_tested_says_why(treatment: list[float], control: list[float], reason: str) -> None:
    """Reasons instead of numbers."""
    arms = Moments.from_values(treatment), Moments.from_values(control)

    assert check_margin(*arms, 0.1) == NotComputable(reason)
    assert check_equivalence(*arms, 0.1) == NotComputable(reason)


def test_too_few_degrees_of_freedom_are_refused() -> None:
    """Three units an arm and three covariates leave nothing to estimate an error from."""
    rng = np.random.default_rng(1)
    arms = [Moments.from_values(rng.normal(size=3), covariate=rng.normal(size=(3, 3))) for _ in range(2)]

    assert check_margin(*arms, 0.1) == NotComputable("too_few_units")
    assert compare(*arms) == NotComputable("too_few_units")
    plan = ComparisonPlan(kind="proportion")
    assert (
        check_margin(Moments.from_values([]), Moments.from_values([1.0]), 0.1, plan=plan).reason == "no_units"
    )


@pytest.mark.parametrize(
    "options",
    [{"margin": 0.0}, {"margin": float("nan")}, {"scale": "log"}, {"direction": "left"}, {"alpha": 0.5}],
)
def test_a_wrong_call_is_refused(options: dict[str, Any]) -> None:
    """Margins that mean nothing are an error."""
    arm = Moments.from_values([1.0, 2.0])

    with pytest.raises(InvalidInputError):
        check_margin(arm, arm, **{"margin": 0.1, **options})
