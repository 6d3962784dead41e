"""Whether a ratio can be read: did its denominator move, and are its missing values at random.

A ratio of sums keeps units without a denominator (they tell how noisy the denominator is). An
average of per-unit ratios cannot: it is about those that have one, and who has one may itself be
an effect of the treatment. Then the difference of averages is no effect on anybody.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from abplat.errors import InvalidInputError
from abplat.stats.columns import columns_of, select_strata
from abplat.stats.comparison import Comparison, ComparisonPlan
from abplat.stats.estimator import compare
from abplat.stats.moments import Moments, Strata
from abplat.stats.result import Computed, NotComputable
from abplat.stats.tables import Table

DENOMINATOR_ALARM_P: Final = 0.01
MISSINGNESS_ALARM_P: Final = 0.01


@dataclass(frozen=True, slots=True)
class DenominatorCheck:
    """Whether a ratio moves because its denominator does.

    Attributes:
        code: ``denominator_moved``: the name of the finding.
        alarm: Whether the p-value is below 0.01.
        comparison: The denominator per unit, compared like an outcome.
    """

    code: str
    alarm: bool
    comparison: Comparison


@dataclass(frozen=True, slots=True)
class MissingnessCheck:
    """Whether values are missing more often in one arm than in the other.

    Attributes:
        code: ``missing_by_arm``: the name of the finding.
        alarm: Whether the p-value is below 0.01.
        comparison: Share of units without a value, treatment less control.
    """

    code: str
    alarm: bool
    comparison: Comparison


@dataclass(frozen=True, slots=True)
class ManskiBounds:
    """What the effect can be, whatever the missing values are.

    Attributes:
        lower: Least effect: treatment's missing at the low end, control's at the high end.
        upper: Greatest effect: the opposite.
        ci_lower: Lower confidence limit of ``lower``.
        ci_upper: Upper confidence limit of ``upper``.
        observed: The difference among units that have a value; an effect only if missing values
            are missing at random.
        missing_treatment: Share of treatment units without a value.
        missing_control: Share of control units without a value.
        excludes_zero: Whether the sign of the effect holds whatever the missing values are.
        alpha: Two-sided error rate of the limits.
    """

    lower: float
    upper: float
    ci_lower: float
    ci_upper: float
    observed: float
    missing_treatment: float
    missing_control: float
    excludes_zero: bool
    alpha: float


def check_denominator(
    treatment: Strata, control: Strata, plan: ComparisonPlan | None = None
) -> Computed[DenominatorCheck]:
    """Test whether the denominator of a ratio differs between the arms.

    Why: fewer sessions with the same orders make orders per session rise, and nothing has become
    better. A ratio that moves because its denominator moves is shown with this finding.

    Args:
        treatment: Record of the treated arm with ``d``, or one per stratum.
        control: The same for control.
        plan: Error rate and strata rules.

    Returns:
        The finding, alarm (p < 0.01) or not, or the reason of ``compare``; a denominator that is
        the same for every unit is ``zero_variance``.

    Raises:
        InvalidInputError: If the records have no denominator.

    References:
        Deng, Shi (2016), Data-driven metric development for online controlled experiments, KDD.

    Examples:
        >>> control = Moments.from_values([1, 0, 1, 1] * 50, [4, 5, 5, 6] * 50)
        >>> treatment = Moments.from_values([1, 0, 1, 1] * 50, [3, 4, 4, 5] * 50)
        >>> check_denominator(treatment, control).alarm
        True
    """
    if "d" not in columns_of(control):
        raise InvalidInputError.at("columns", "hold no denominator d")
    base = replace(plan or ComparisonPlan(), kind="mean", theta_rule="none", theta=())
    found = compare(select_strata(treatment, "d"), select_strata(control, "d"), base)
    if isinstance(found, NotComputable):
        return found
    return DenominatorCheck("denominator_moved", found.p_value < DENOMINATOR_ALARM_P, found)


def check_missingness(table: Table, alpha: float = 0.05) -> Computed[MissingnessCheck]:
    """Test whether values are missing more often in one arm than in the other.

    Why: an average over units that have a value (a rating that was given, a ratio with sessions)
    compares different kinds of units once the treatment changes who has one.

    Args:
        table: Units without a value (counts) among all units of both arms.
        alpha: Error rate of the interval shown.

    Returns:
        The finding, alarm (p < 0.01) or not; ``no_units``, or ``no_missing_values``.

    Raises:
        InvalidInputError: If alpha lies outside (0, 1).

    References:
        Fisher's or the pooled test of two shares as in ``Table``; Kohavi, Tang, Xu (2020), Trustworthy
        Online Controlled Experiments, chapter 3, on why missingness must be tested first.

    Examples:
        >>> check_missingness(Table(120, 1000, 60, 1000)).alarm
        True
    """
    if not table.treatment_count + table.control_count:
        empty = not table.treatment_n or not table.control_n
        return NotComputable("no_units" if empty else "no_missing_values")
    arms = [_binary(table.treatment_count, table.treatment_n), _binary(table.control_count, table.control_n)]
    found = compare(arms[0], arms[1], ComparisonPlan(kind="proportion", alpha=alpha))
    return found if isinstance(found, NotComputable) else _judge_missing(found)


def _judge_missing(found: Comparison) -> MissingnessCheck:
    """Turn the comparison of two shares of missing values into the finding."""
    return MissingnessCheck("missing_by_arm", found.p_value < MISSINGNESS_ALARM_P, found)


def _binary(count: int, n: int) -> Moments:
    """Make the record of a 0/1 outcome."""
    return Moments(("y",), n, (0.0,), (float(count),), (float(count),))


def bound_effect(
    treatment: Moments,
    control: Moments,
    missing: tuple[int, int],
    value_range: tuple[float, float],
    alpha: float = 0.05,
) -> Computed[ManskiBounds]:
    """Bound the effect on all units when some have no value.

    Rule: a missing value lies somewhere in the range that values can take. Put the worst for the
    treatment into both arms for the least effect, the best for the greatest; the confidence limits
    are those of these two extreme data sets, so they hold for every way the values are missing.

    Args:
        treatment: Record of the treated units that have a value.
        control: The same for control.
        missing: Units without a value in treatment and in control.
        value_range: Least and greatest value that a unit can have.
        alpha: Two-sided error rate.

    Returns:
        The bounds; ``no_units``, ``too_few_units``, or ``zero_variance``.

    Raises:
        InvalidInputError: If a number of units is negative, or the range does not hold the means.

    References:
        Manski (1990), Nonparametric bounds on treatment effects, American Economic Review 80;
        Horowitz, Manski (2000), JASA 95.

    Examples:
        >>> arm = Moments.from_values([0.0, 1.0] * 50)
        >>> found = bound_effect(arm, arm, (25, 0), (0.0, 1.0))
        >>> round(found.lower, 2), round(found.upper, 2)
        (-0.1, 0.1)
    """
    low, high = value_range
    if not low < high:
        raise InvalidInputError.at("value_range", f"must be least and greatest value, got {value_range!r}")
    if any(m < 0 or int(m) != m for m in missing):
        raise InvalidInputError.at("missing", f"must be whole numbers, not negative, got {missing!r}")
    for arm in (treatment, control):
        if arm.n and not low <= float(arm.mean[0]) <= high:
            raise InvalidInputError.at("value_range", f"does not hold the mean {float(arm.mean[0])!r}")
    plan = ComparisonPlan(alpha=alpha)
    observed = compare(_impute(treatment, 0, low), _impute(control, 0, low), plan)
    least = compare(_impute(treatment, missing[0], low), _impute(control, missing[1], high), plan)
    most = compare(_impute(treatment, missing[0], high), _impute(control, missing[1], low), plan)
    if (
        isinstance(observed, NotComputable)
        or isinstance(least, NotComputable)
        or isinstance(most, NotComputable)
    ):
        return next(one for one in (observed, least, most) if isinstance(one, NotComputable))
    return _lay_out(observed, least, most, (treatment.n, control.n, *missing))


def _impute(record: Moments, n_missing: int, value: float) -> Moments:
    """Add units that all have one value to the outcome of a record."""
    y = Moments(("y",), record.n, record.shift[:1], record.sum[:1], record.cross[:1], record.cube_y)
    if not n_missing:
        return y
    return y + Moments(("y",), n_missing, (value,), (0.0,), (0.0,), 0.0)


def _lay_out(
    observed: Comparison, least: Comparison, most: Comparison, sizes: tuple[int, int, int, int]
) -> ManskiBounds:
    """Put the two extreme comparisons together."""
    n_t, n_c, gone_t, gone_c = sizes
    return ManskiBounds(
        lower=least.effect,
        upper=most.effect,
        ci_lower=least.ci_lower,
        ci_upper=most.ci_upper,
        observed=observed.effect,
        missing_treatment=gone_t / (n_t + gone_t),
        missing_control=gone_c / (n_c + gone_c),
        excludes_zero=least.ci_lower > 0 or most.ci_upper < 0,
        alpha=observed.alpha,
    )
