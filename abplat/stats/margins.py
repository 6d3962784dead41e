"""Non-inferiority of guardrails and equivalence, against absolute and relative margins.

A guardrail that is merely "not significantly worse" is not safe: it may not have been watched for
long enough. Here the harm must be *shown* to be smaller than the margin.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from scipy import special

from abplat.errors import InvalidInputError
from abplat.stats.comparison import ComparisonPlan
from abplat.stats.estimator import estimate_pair
from abplat.stats.kernel import Estimate
from abplat.stats.moments import Strata, pool_strata
from abplat.stats.proportions import (
    proportion_interval,
    ratio_interval,
    score_statistic,
    score_statistic_of_ratio,
)
from abplat.stats.relative import refuse_relative, relate
from abplat.stats.result import Computed, NotComputable
from abplat.stats.survival import RestrictedMeanComparison
from abplat.stats.tables import Table, is_small_table, read_table

Direction = Literal["up", "down"]
Scale = Literal["relative", "absolute"]

_NOISE: Final = 1.5e-14


@dataclass(frozen=True, slots=True)
class MarginTest:
    """Whether an arm is shown not to be worse than control by more than a margin.

    Attributes:
        is_shown: The harm is shown to be smaller than the margin (one-sided alpha).
        is_breached: The harm is shown to be larger than the margin (one-sided alpha).
        p_value: One-sided, of "worse by the margin or more": small where non-inferior.
        p_breach: One-sided, of "worse by the margin or less": small where the margin is broken.
        harm: Harm observed on the scale of the margin (positive is worse).
        harm_upper: Largest harm not excluded: the upper one-sided bound; None where a noisy
            control leaves the relative bound open.
        margin: The margin.
        scale: ``relative`` or ``absolute``.
    """

    is_shown: bool
    is_breached: bool
    p_value: float
    p_breach: float
    harm: float
    harm_upper: float | None
    margin: float
    scale: Scale


@dataclass(frozen=True, slots=True)
class Equivalence:
    """Two one-sided tests: whether the effect lies inside (-margin, margin).

    Attributes:
        is_shown: Whether both tests reject at alpha.
        p_value: The larger of both one-sided p-values.
        margin: The margin.
        scale: ``relative`` or ``absolute``.
    """

    is_shown: bool
    p_value: float
    margin: float
    scale: Scale


class _Distance(NamedTuple):
    """A distance from a margin in standard errors, with the degrees of freedom of its t."""

    statistic: float
    df: float

    def upper(self) -> float:
        """Return the chance of a larger distance if there were none."""
        return float(special.stdtr(self.df, -self.statistic))

    def lower(self) -> float:
        """Return the chance of a smaller distance if there were none."""
        return float(special.stdtr(self.df, self.statistic))


def check_margin(  # noqa: PLR0913 -- a test has these parts, and each has a default
    treatment: Strata,
    control: Strata,
    margin: float,
    *,
    direction: Direction = "up",
    scale: Scale = "relative",
    alpha: float = 0.05,
    plan: ComparisonPlan | None = None,
) -> Computed[MarginTest]:
    """Test a guardrail against its margin.

    Rule: with a relative margin m the test is of T - (1 - m) C (higher is better), a linear
    combination, so a noisy control costs nothing in validity. Small tables of proportions use the
    score statistic at the margin.

    Args:
        treatment: Record of the treated arm, or one per stratum.
        control: Record of control, or one per stratum.
        margin: Largest harm that would be accepted, positive: a share of control, or an absolute
            amount in the unit of the metric.
        direction: Which way is good.
        scale: Whether the margin is ``relative`` or ``absolute``.
        alpha: One-sided error rate, below one half.
        plan: Kind of metric, slopes and strata; its own alpha is not used.

    Returns:
        The test, or why there is none; ``zero_baseline`` for a relative margin on control 0.

    Raises:
        InvalidInputError: If the margin is not positive or a choice is unknown.

    References:
        Tamhane, Logan (2004), Biometrical Journal 46, eq. 3; Schultzberg, Ankargren, Franberg
        (2024), arXiv 2402.11609; Farrington, Manning (1990) for small tables.

    Examples:
        >>> from abplat.stats.moments import Moments
        >>> arm = Moments.from_sums(4000, {"y": 2000.0}, {"y*y": 2000.0})
        >>> check_margin(arm, arm, 0.05, plan=ComparisonPlan(kind="proportion")).is_shown
        True
    """
    plan = plan or ComparisonPlan()
    _check(margin, scale, alpha, direction)
    sign = 1.0 if direction == "up" else -1.0
    table = _small_table(treatment, control, plan)
    if table is not None:
        return _check_table(table, sign * margin, scale, alpha)
    pair = _estimate(treatment, control, plan, scale)
    if isinstance(pair, NotComputable):
        return pair
    distance = _distance(pair, sign, margin, scale)
    harm = -sign * (pair.effect / abs(pair.baseline) if scale == "relative" else pair.effect)
    bound = _bound(pair, sign, scale, alpha)
    return _judge(distance, harm, bound, (margin, scale, alpha))


def check_restricted_mean_margin(
    found: Computed[RestrictedMeanComparison],
    margin: float,
    *,
    direction: Direction = "down",
    alpha: float = 0.05,
) -> Computed[MarginTest]:
    """Test a guardrail on time against a relative margin.

    Rule: T - (1 + m) C where less time is better, with both arms' variances.

    Args:
        found: Result of ``compare_restricted_means``.
        margin: Largest relative harm that would be accepted, positive.
        direction: Which way is good.
        alpha: One-sided error rate, below one half.

    Returns:
        The test, or why there is none.

    Raises:
        InvalidInputError: If the margin is not positive.

    References:
        Tamhane, Logan (2004), Statistics in Medicine 23 (test of T - theta C); Tian et al. (2014)
        for the variance of a restricted mean.

    Examples:
        >>> check_restricted_mean_margin(NotComputable("no_units"), 0.05).reason
        'no_units'
    """
    _check(margin, "relative", alpha, direction)
    if isinstance(found, NotComputable):
        return found
    if found.control.value <= 0:
        return NotComputable("zero_baseline")
    variance_c = found.control.se**2
    pair = Estimate(
        effect=found.effect,
        variance=found.se**2,
        magnitude=found.se**2,
        df=1e9,
        control=found.control.value,
        treatment=found.treatment.value,
        control_adjusted=found.control.value,
        treatment_adjusted=found.treatment.value,
        baseline=found.control.value,
        baseline_variance=variance_c,
        baseline_covariance=-variance_c,
        theta=[],
        n_treatment=found.treatment.n,
        n_control=found.control.n,
    )
    sign = 1.0 if direction == "up" else -1.0
    distance = _distance(pair, sign, margin, "relative")
    harm, bound = -sign * found.effect / found.control.value, _bound(pair, sign, "relative", alpha)
    return _judge(distance, harm, bound, (margin, "relative", alpha))


def check_equivalence(
    treatment: Strata,
    control: Strata,
    margin: float,
    *,
    scale: Scale = "relative",
    alpha: float = 0.05,
    plan: ComparisonPlan | None = None,
) -> Computed[Equivalence]:
    """Test whether two arms are the same up to a margin worth acting on.

    Rule: two one-sided tests, each at alpha; the larger p-value counts.

    Args:
        treatment: Record of the treated arm, or one per stratum.
        control: Record of control, or one per stratum.
        margin: Smallest change worth acting on, positive.
        scale: Whether the margin is ``relative`` or ``absolute``.
        alpha: Error rate of each one-sided test.
        plan: Kind of metric, slopes and strata; its own alpha is not used.

    Returns:
        The test, or why there is none.

    Raises:
        InvalidInputError: If the margin is not positive or a choice is unknown.

    References:
        Schuirmann (1987), J. Pharmacokinetics and Biopharmaceutics 15 (two one-sided tests).

    Examples:
        >>> from abplat.stats.moments import Moments
        >>> arm = Moments.from_sums(40_000, {"y": 20_000.0}, {"y*y": 20_000.0})
        >>> check_equivalence(arm, arm, 0.02, plan=ComparisonPlan(kind="proportion")).is_shown
        True
    """
    plan = plan or ComparisonPlan()
    _check(margin, scale, alpha, "up")
    table = _small_table(treatment, control, plan)
    if table is not None:
        low, high = (_table_distance(table, side * margin, scale) for side in (1.0, -1.0))
    else:
        pair = _estimate(treatment, control, plan, scale)
        if isinstance(pair, NotComputable):
            return pair
        low, high = (_distance(pair, sign, margin, scale) for sign in (1.0, -1.0))
    if low is None or high is None:
        return NotComputable("zero_baseline")
    p_value = max(low.upper(), high.upper())
    return Equivalence(p_value < alpha, p_value, margin, scale)


def _check(margin: float, scale: str, alpha: float, direction: str) -> None:
    """Refuse margins, scales and directions that mean nothing."""
    if not (math.isfinite(margin) and margin > 0):
        raise InvalidInputError.at("margin", f"must be positive, got {margin!r}")
    if scale not in ("relative", "absolute"):
        raise InvalidInputError.at("scale", f"must be relative or absolute, got {scale!r}")
    if direction not in ("up", "down"):
        raise InvalidInputError.at("direction", f"must be up or down, got {direction!r}")
    if not 0 < alpha < 0.5:
        raise InvalidInputError.at("alpha", f"must lie between 0 and 0.5, got {alpha!r}")


def _estimate(treatment: Strata, control: Strata, plan: ComparisonPlan, scale: Scale) -> Computed[Estimate]:
    """Estimate a pair of arms and refuse what no margin can be held against."""
    found = estimate_pair(treatment, control, plan)
    if isinstance(found, NotComputable):
        return found
    pair = found[0]
    if pair.variance <= _NOISE * pair.magnitude:
        return NotComputable("zero_variance")
    if pair.df < 1:
        return NotComputable("too_few_units")
    if scale == "relative" and pair.baseline == 0:
        return NotComputable("zero_baseline")
    return pair


def _distance(pair: Estimate, sign: float, margin: float, scale: Scale) -> _Distance:
    """Return how far the effect lies on the good side of the margin."""
    weight = margin if scale == "relative" else 0.0
    base_sign = -1.0 if pair.baseline < 0 else 1.0
    gap = sign * pair.effect + (weight * abs(pair.baseline) if weight else margin)
    variance = (
        pair.variance
        + weight**2 * pair.baseline_variance
        + 2 * sign * weight * base_sign * pair.baseline_covariance
    )
    return _Distance(gap / math.sqrt(variance), pair.df)


def _bound(pair: Estimate, sign: float, scale: Scale, alpha: float) -> float | None:
    """Return the largest harm not excluded at one-sided alpha, on the scale of the margin."""
    critical = float(-special.stdtrit(pair.df, alpha))
    if scale == "absolute":
        return float(-sign * pair.effect + critical * math.sqrt(pair.variance))
    plan = ComparisonPlan(alpha=2 * alpha)
    if refuse_relative(pair, critical, plan) is not None:
        return None
    found = relate(pair, critical, 1.0, plan)
    return float(-found.lower if sign > 0 else found.upper)


def _judge(
    distance: _Distance, harm: float, bound: float | None, test: tuple[float, Scale, float]
) -> MarginTest:
    """Lay out a margin test."""
    margin, scale, alpha = test
    p_value, p_breach = distance.upper(), distance.lower()
    return MarginTest(p_value < alpha, p_breach < alpha, p_value, p_breach, float(harm), bound, margin, scale)


def _small_table(treatment: Strata, control: Strata, plan: ComparisonPlan) -> Table | None:
    """Return the two by two table where a proportion is too small for the normal."""
    if plan.kind != "proportion" or plan.small_table == "never":
        return None
    arms = pool_strata(treatment), pool_strata(control)
    if not arms[0].n or not arms[1].n:
        return None
    table = read_table(*arms)
    return table if plan.small_table == "always" or is_small_table(table) else None


def _table_distance(table: Table, margin: float, scale: Scale) -> _Distance | None:
    """Return the score distance from a signed margin: positive where higher is better."""
    sign = math.copysign(1.0, margin)
    if scale == "absolute":
        return _Distance(sign * score_statistic(table, max(-1.0, min(1.0, -margin))), 1e9)
    if not table.control_count:
        return None
    return _Distance(sign * score_statistic_of_ratio(table, max(1.0 - margin, 1e-12)), 1e9)


def _check_table(table: Table, margin: float, scale: Scale, alpha: float) -> Computed[MarginTest]:
    """Test a small table against a signed margin by its score statistic."""
    distance = _table_distance(table, margin, scale)
    if distance is None:
        return NotComputable("zero_baseline")
    sign, effect = math.copysign(1.0, margin), table.treatment_rate - table.control_rate
    harm = -sign * (effect / table.control_rate if scale == "relative" else effect)
    return _judge(distance, harm, _table_bound(table, sign, scale, alpha), (abs(margin), scale, alpha))


def _table_bound(table: Table, sign: float, scale: Scale, alpha: float) -> float | None:
    """Return the largest harm not excluded by the score interval of a small table."""
    found = (
        proportion_interval(table, "score", 2 * alpha)
        if scale == "absolute"
        else ratio_interval(table, 2 * alpha)
    )
    if isinstance(found, NotComputable):
        return None
    return -found.ci_lower if sign > 0 else found.ci_upper
