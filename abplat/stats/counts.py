"""Counts per unit: calls, visits, contacts. Robust by default, Poisson where the record allows it.

A Poisson interval takes the variance to be the mean. Customers differ, so their counts vary more
than that (over-dispersion), and the Poisson interval is then too narrow by the square root of the
ratio. The record knows the variance, so nobody has to assume it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from scipy import optimize

from abplat.errors import InvalidInputError
from abplat.stats.comparison import Comparison, ComparisonPlan
from abplat.stats.estimator import compare
from abplat.stats.moments import Moments, Strata, pool_strata
from abplat.stats.rates import RateRatio, RateTable, compare_rates, exact_rate_p, score_of_rates
from abplat.stats.result import Computed, NotComputable
from abplat.stats.tails import critical_normal, log10_two_sided_normal, two_sided_normal

CountModel = Literal["robust", "poisson", "auto"]

_FEW_EVENTS = 10


@dataclass(frozen=True, slots=True)
class CountComparison:
    """Two arms' counts compared, with what decided how.

    Attributes:
        comparison: Effect, interval and p-value; ``rel_effect`` is the ratio of rates less 1.
        model: ``robust`` (variance from the data) or ``poisson`` (variance equal to the mean).
        dispersion_treatment: Variance over mean in treatment (1 for Poisson counts).
        dispersion_control: The same in control; None where the arm has no events.
        is_overdispersed: Whether an arm's dispersion is above what Poisson counts of so many units
            would show (more than two standard errors above 1).
    """

    comparison: Comparison
    model: Literal["robust", "poisson"]
    dispersion_treatment: float | None
    dispersion_control: float | None
    is_overdispersed: bool


def measure_dispersion(strata: Strata) -> Computed[float]:
    """Give the variance of a count over its mean: 1 for Poisson, above 1 where units differ.

    With a denominator (time at risk, sessions) the variance is that about rate times denominator,
    so a longer watched unit is not taken for a different one.

    Args:
        strata: Record of an arm, ``y`` the count and perhaps ``d`` what it was counted over.

    Returns:
        The ratio; ``no_units``, ``too_few_units``, ``no_events`` or ``zero_denominator``.

    Raises:
        InvalidInputError: If the strata hold different columns.

    References:
        Fisher (1950), Biometrics 6 (index of dispersion); Cox (1983), Biometrika 70.

    Examples:
        >>> measure_dispersion(Moments.from_values([0, 0, 0, 4]))
        4.0
    """
    record = pool_strata(strata)
    covariance = record.covariance
    if isinstance(covariance, NotComputable):
        return covariance
    mean = record.mean
    if mean[0] <= 0:
        return NotComputable("no_events")
    if "d" not in record.columns:
        return float(covariance[0, 0] / mean[0])
    if mean[1] <= 0:
        return NotComputable("zero_denominator")
    rate = mean[0] / mean[1]
    spread = covariance[0, 0] - 2 * rate * covariance[0, 1] + rate**2 * covariance[1, 1]
    return float(max(spread, 0.0) / mean[0])


def compare_counts(
    treatment: Strata, control: Strata, plan: ComparisonPlan | None = None, model: CountModel = "robust"
) -> Computed[CountComparison]:
    """Compare counts per unit, or per denominator, between two arms.

    Why: platforms that assume Poisson counts are wrong with confidence; those that never use it
    waste rare events. Rule: ``robust`` is the one estimator (any covariates and strata);
    ``poisson`` inverts the score test of the rates, with the exact test below ten events in an
    arm; ``auto`` takes Poisson only where neither arm is over-dispersed.

    Args:
        treatment: Record of the treated arm, ``y`` the count per unit, perhaps ``d``.
        control: The same for control.
        plan: As for ``compare``; ``kind`` follows from the columns.
        model: ``robust``, ``poisson`` or ``auto``.

    Returns:
        The comparison and what decided it, or the reason of ``compare``; ``no_events`` where
        nothing happened in either arm.

    Raises:
        InvalidInputError: If the counts are not whole numbers or negative, or a name is unknown.

    References:
        Gu, Ng, Tang, Schucany (2008); Krishnamoorthy, Thomson (2004); Fieller (1954).

    Examples:
        >>> control = Moments.from_values([0, 1, 2, 1, 0, 3] * 50)
        >>> treatment = Moments.from_values([1, 1, 2, 2, 0, 3] * 50)
        >>> found = compare_counts(treatment, control)
        >>> found.model, round(found.comparison.rel_effect, 4)
        ('robust', 0.2857)
    """
    if model not in ("robust", "poisson", "auto"):
        raise InvalidInputError.at("model", f"must be robust, poisson or auto, got {model!r}")
    arms = [pool_strata(treatment), pool_strata(control)]
    events = [_count_events(arm) for arm in arms]
    spreads = [measure_dispersion(arm) for arm in arms]
    known = [None if isinstance(s, NotComputable) else s for s in spreads]
    pairs = zip(known, arms, strict=True)
    is_over = any(s is not None and s > 1 + 2 * math.sqrt(2 / (arm.n - 1)) for s, arm in pairs)
    is_poisson = model == "poisson" or (model == "auto" and not is_over)
    base = plan or ComparisonPlan()
    if is_poisson:
        found = _compare_poisson(arms, events, base)
    else:
        kind: Literal["ratio", "count"] = "ratio" if "d" in arms[0].columns else "count"
        found = compare(treatment, control, replace(base, kind=kind))
    if isinstance(found, NotComputable):
        return found
    return CountComparison(found, "poisson" if is_poisson else "robust", known[0], known[1], is_over)


def _count_events(arm: Moments) -> int:
    """Read the number of events off a record of counts."""
    if not arm.n:
        return 0
    total = arm.sum[0] + arm.n * arm.shift[0]
    whole = round(total)
    if whole < 0 or abs(total - whole) > 1e-9 * max(arm.n, abs(total), 1.0):
        raise InvalidInputError.at(
            "y", f"must be counts: whole numbers, not negative; their sum is {total!r}"
        )
    return whole


def _compare_poisson(arms: list[Moments], events: list[int], plan: ComparisonPlan) -> Computed[Comparison]:
    """Compare two Poisson rates in the shape of every comparison."""
    if not all(arm.n for arm in arms):
        return NotComputable("no_units")
    has_d = "d" in arms[0].columns
    exposures = [float(arm.mean[1]) * arm.n if has_d else float(arm.n) for arm in arms]
    if min(exposures) <= 0:
        return NotComputable("zero_denominator")
    if not sum(events):
        return NotComputable("no_events")
    table = RateTable(events[0], exposures[0], events[1], exposures[1])
    z = score_of_rates(table, 0.0)
    p_value, log10_p, method = float(two_sided_normal(z)), float(log10_two_sided_normal(z)), "poisson_score"
    is_few = min(events) < _FEW_EVENTS
    ratio = compare_rates(table, "exact" if is_few else "score", plan.alpha)
    if is_few:
        p_value, log10_p = exact_rate_p(table)
        method = "poisson_score+exact"
    ends = _invert_difference(table, plan.alpha)
    flags = ("covariate_dropped",) if _has_covariate(arms[0], plan) else ()
    if (p_value < plan.alpha) != (ends[0] > 0 or ends[1] < 0):
        flags = (*flags, "exact_test_disagrees")
    return _lay_out(table, ratio, ends, (p_value, log10_p, method, flags), (arms, plan))


def _has_covariate(arm: Moments, plan: ComparisonPlan) -> bool:
    """Tell whether the plan would have used a covariate of the record."""
    return plan.theta_rule != "none" and any(c.startswith("x") for c in arm.columns)


def _invert_difference(table: RateTable, alpha: float) -> tuple[float, float]:
    """Find the differences of rates that the score test does not reject."""
    z = critical_normal(alpha)
    gap = table.treatment_rate - table.control_rate
    step = z * math.sqrt(
        (table.treatment_events + z * z) / table.treatment_exposure**2
        + (table.control_events + z * z) / table.control_exposure**2
    )
    lower = _cross(lambda d: score_of_rates(table, d) - z, gap, -step)
    return lower, _cross(lambda d: score_of_rates(table, d) + z, gap, step)


def _cross(distance: Callable[[float], float], start: float, step: float) -> float:
    """Find the zero of a falling function on one side of a start."""
    end = start + step
    while distance(start) * distance(end) > 0:
        end += step
    low, high = min(start, end), max(start, end)
    return float(optimize.brentq(distance, low, high, xtol=1e-300, rtol=1e-14))


def _lay_out(
    table: RateTable,
    ratio: Computed[RateRatio],
    ends: tuple[float, float],
    test: tuple[float, float, str, tuple[str, ...]],
    given: tuple[list[Moments], ComparisonPlan],
) -> Comparison:
    """Lay the numbers of a Poisson comparison into the shape of every comparison."""
    p_value, log10_p, method, flags = test
    arms, plan = given
    lacking = isinstance(ratio, NotComputable)
    return Comparison(
        effect=table.treatment_rate - table.control_rate,
        se=(ends[1] - ends[0]) / (2 * critical_normal(plan.alpha)),
        df=None,
        ci_lower=ends[0],
        ci_upper=ends[1],
        p_value=p_value,
        log10_p=log10_p,
        rel_effect=None if isinstance(ratio, NotComputable) else ratio.ratio - 1,
        rel_ci_lower=None if isinstance(ratio, NotComputable) else ratio.ci_lower - 1,
        rel_ci_upper=None if isinstance(ratio, NotComputable) else ratio.ci_upper - 1,
        rel_p_value=None if lacking else p_value,
        rel_reason=ratio.reason if isinstance(ratio, NotComputable) else None,
        control_value=table.control_rate,
        treatment_value=table.treatment_rate,
        control_adjusted=table.control_rate,
        treatment_adjusted=table.treatment_rate,
        n_control=arms[1].n,
        n_treatment=arms[0].n,
        method=method,
        flags=flags,
        alpha=plan.alpha,
    )
