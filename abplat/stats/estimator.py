"""The one estimator: mean, proportion, count and ratio, with covariates and strata.

All of them are one formula on moment records: a value ``M`` per arm, less slopes times the
difference of what was known before exposure. Two doors lead to the same arithmetic: ``compare``
for a pair of arms and ``compare_rows`` for a page of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from abplat.errors import InvalidInputError
from abplat.stats.assembly import assemble, assemble_rows
from abplat.stats.comparison import Comparison, ComparisonPlan, Kind, ThetaRule
from abplat.stats.flags import flag_pair, flag_rows
from abplat.stats.kernel import Cell, Estimate, Layout, build_arm, estimate, read_cell
from abplat.stats.moments import FloatArray, Moments, Strata, pool_strata
from abplat.stats.result import Computed, NotComputable
from abplat.stats.skew import flag_skew
from abplat.stats.small_tables import compare_small_table
from abplat.stats.strata import pair_strata
from abplat.stats.tables import is_small_table, read_table

_ROUNDING = 4096 * float(np.finfo(float).eps)


def compare(treatment: Strata, control: Strata, plan: ComparisonPlan | None = None) -> Computed[Comparison]:
    """Compare a treatment with control, from sums alone.

    Why: one estimator serves every mean-like metric, so no combination of ratio, covariate and
    strata is a special case with its own mistakes. Rule: difference of arm values, less the
    slopes times the pre-exposure difference; variance by the delta method; Satterthwaite degrees
    of freedom, one spent per slope that is found in the data.

    Args:
        treatment: Record of the treated arm, or one per stratum.
        control: Record of control, or one per stratum (same columns).
        plan: Error rate, kind of metric, slopes, relative interval. Default: a mean at 5 %.

    Returns:
        The effect in the unit of the metric and relative to control, or why there is none:
        ``no_units``, ``too_few_units``, ``zero_variance``, ``zero_denominator``,
        ``precision_lost``. A relative effect alone may be missing, with ``rel_reason``.

    Raises:
        InvalidInputError: If the columns do not serve the plan, only one arm has strata, or a
            proportion's record cannot come from 0/1 outcomes.

    References:
        Welch (1947); Deng, Xu, Kohavi, Walker (2013), eq. 3; Deng, Knoblich, Lu (2018), eq. 3;
        Lin (2013); Miratrix, Sekhon, Yu (2013); Fieller (1954).

    Examples:
        >>> control = Moments.from_values([1.0, 2.0, 3.0, 4.0])
        >>> found = compare(Moments.from_values([2.0, 3.0, 5.0, 6.0]), control)
        >>> round(found.effect, 3), round(found.p_value, 4)
        (1.5, 0.2334)
    """
    plan = plan or ComparisonPlan()
    if plan.kind == "proportion":
        small = _compare_as_table(pool_strata(treatment), pool_strata(control), plan)
        if small is not None:
            return small
    found = estimate_pair(treatment, control, plan)
    return found if isinstance(found, NotComputable) else assemble(found[0], plan, found[1])


def estimate_pair(
    treatment: Strata, control: Strata, plan: ComparisonPlan
) -> Computed[tuple[Estimate, tuple[str, ...]]]:
    """Estimate effect and baseline of a pair of arms with their variances, and raise its flags.

    Args:
        treatment: Record of the treated arm, or one per stratum.
        control: Record of control, or one per stratum (same columns).
        plan: Kind of metric, slopes, strata.

    Returns:
        The estimate that all intervals and margin tests are made of, or why there is none.

    Raises:
        InvalidInputError: As for ``compare``.

    Examples:
        >>> a = Moments.from_values([1.0, 2.0, 3.0])
        >>> found = estimate_pair(a, a, ComparisonPlan())
        >>> found[0].effect
        0.0
    """
    paired = pair_strata(treatment, control, plan.min_stratum_units)
    layout = _lay_out(paired.treatment[0], paired.control[0], plan)
    pooled = (pool_strata(treatment), pool_strata(control))
    refusal = _refuse_arms(pooled, layout)
    if refusal is not None:
        return refusal
    k = len(paired.treatment[0].columns)
    origins = [r.shift for r in paired.control]
    arms = [
        build_arm(
            [read_cell(r, o, layout, k) for r, o in zip(records, origins, strict=True)],
            paired.weights,
            layout,
        )
        for records in (paired.treatment, paired.control)
    ]
    found = estimate(arms[0], arms[1], paired.weights, layout, plan)
    flags = (*paired.flags, *flag_pair(arms[0], arms[1], layout, found))
    return found, flags + _flag_skew(pooled[:1], pooled[1:], plan)[0]


def _flag_skew(
    treatment: Sequence[Moments], control: Sequence[Moments], plan: ComparisonPlan
) -> list[tuple[str, ...]]:
    """Name skewness that moves the error of a normal interval into one tail, row by row."""
    if plan.kind not in ("mean", "count"):
        return [()] * len(treatment)
    raised = flag_skew(treatment, control, plan.alpha)
    return [("normal_interval_unreliable",) if on else () for on in raised]


def compare_rows(
    treatment: Sequence[Moments], control: Sequence[Moments], plan: ComparisonPlan | None = None
) -> tuple[Computed[Comparison], ...]:
    """Compare many pairs of arms in one call, row by row.

    Why: a page of a hundred rows costs about as much as one row. The arithmetic is that of
    ``compare``, on arrays.

    Args:
        treatment: Records of treated arms, all with the same columns.
        control: Records of control, one per treated arm.
        plan: As for ``compare``; it holds for all rows.

    Returns:
        One result per row, in order.

    Raises:
        InvalidInputError: If the lengths or columns differ.

    References:
        As for ``compare``.

    Examples:
        >>> a, b = Moments.from_values([1.0, 2.0, 3.0]), Moments.from_values([2.0, 3.0, 5.0])
        >>> [round(r.effect, 3) for r in compare_rows([b, a], [a, a])]
        [1.333, 0.0]
    """
    plan = plan or ComparisonPlan()
    if len(treatment) != len(control):
        raise InvalidInputError.at("control", f"needs {len(treatment)} rows, got {len(control)}")
    if not treatment:
        return ()
    columns = treatment[0].columns
    if any(r.columns != columns for r in (*treatment, *control)):
        raise InvalidInputError.at("columns", "must be the same in all rows")
    layout = _lay_out(treatment[0], control[0], plan)
    refusals: list[Computed[Comparison] | None] = []
    for pair in zip(treatment, control, strict=True):
        refusal: Computed[Comparison] | None = _refuse_arms(pair, layout)
        if plan.kind == "proportion" and (table := _compare_as_table(pair[0], pair[1], plan)) is not None:
            refusal = table
        refusals.append(refusal)
    left = [i for i, refusal in enumerate(refusals) if refusal is None]
    if left:
        found = _compare_stacked([treatment[i] for i in left], [control[i] for i in left], layout, plan)
        for i, result in zip(left, found, strict=True):
            refusals[i] = result
    return tuple(r for r in refusals if r is not None)


def _lay_out(treatment: Moments, control: Moments, plan: ComparisonPlan) -> Layout:
    """Find the columns that a plan uses."""
    if treatment.columns != control.columns:
        message = f"differ between the arms: {treatment.columns} and {control.columns}"
        raise InvalidInputError.at("columns", message)
    return _place_columns(treatment.columns, plan.kind, plan.theta_rule, len(plan.theta))


@lru_cache(maxsize=256)
def _place_columns(columns: tuple[str, ...], kind: Kind, theta_rule: ThetaRule, slopes: int) -> Layout:
    """Find the places of the columns in use."""
    place = {name: i for i, name in enumerate(columns)}
    if kind == "ratio" and "d" not in place:
        raise InvalidInputError.at("columns", "a ratio needs the denominator d")
    d = place["d"] if kind == "ratio" else None
    names = [c for c in columns if c.startswith("x") and not c.startswith("xd")]
    if theta_rule == "none":
        names = []
    covariates = tuple((place[c], place.get("xd" + c[1:])) for c in names)
    if theta_rule == "fixed" and slopes != len(covariates):
        raise InvalidInputError.at("theta", f"needs {len(covariates)} slopes, one per covariate")
    used = {0, *(i for pair in covariates for i in pair if i is not None)}
    if d is not None:
        used.add(d)
    bottoms = tuple(i for i in (d, *(xd for _, xd in covariates)) if i is not None)
    return Layout(0, d, covariates, tuple(sorted(used)), bottoms)


def _refuse_arms(arms: Sequence[Moments], layout: Layout) -> NotComputable | None:
    """Name why two arms cannot be compared at all, or None."""
    fewest = min(arms[0].n, arms[1].n)
    if fewest < 2:
        return NotComputable("too_few_units" if fewest else "no_units")
    for arm in arms:
        for i in layout.bottoms:
            if arm.shift[i] * arm.n + arm.sum[i] == 0:
                return NotComputable("zero_denominator")
        if _has_lost_digits(arm):
            return NotComputable("precision_lost")
    return None


def _has_lost_digits(arm: Moments) -> bool:
    """Tell whether the variance of y is nothing but rounding of sums that were not shifted."""
    n, total, squares = arm.n, arm.sum[0], arm.cross[0]
    spread = squares - total * total / n
    if spread == 0 or abs(spread) > _ROUNDING * squares:
        return False
    mean = arm.shift[0] + total / n
    return squares > n * (1e-6 * mean) ** 2


def _compare_as_table(
    treatment: Moments, control: Moments, plan: ComparisonPlan
) -> Computed[Comparison] | None:
    """Compare two proportions as a table where the plan or a small expected count asks for it."""
    if not treatment.n or not control.n:
        return None
    table = read_table(treatment, control)
    if plan.small_table == "never" or (plan.small_table == "auto" and not is_small_table(table)):
        return None
    dropped = any(c.startswith("x") for c in treatment.columns) and plan.theta_rule != "none"
    return compare_small_table(table, plan, ("covariate_dropped",) if dropped else ())


class _Stack(NamedTuple):
    """Records laid side by side: arrays over rows."""

    n: FloatArray
    shift: FloatArray
    sum: FloatArray
    cross: FloatArray

    @classmethod
    def of(cls, records: Sequence[Moments]) -> _Stack:
        """Stack records."""
        n = np.array([r.n for r in records], dtype=np.float64)
        return cls(
            n,
            np.array([r.shift for r in records]).T,
            np.array([r.sum for r in records]).T,
            np.array([r.cross for r in records]).T,
        )


def _compare_stacked(
    treatment: Sequence[Moments], control: Sequence[Moments], layout: Layout, plan: ComparisonPlan
) -> list[Computed[Comparison]]:
    """Compare rows that have units, in one pass over arrays."""
    k = len(treatment[0].columns)
    stacks = [_Stack.of(records) for records in (treatment, control)]
    cells: list[Cell] = [read_cell(stack, stacks[1].shift, layout, k) for stack in stacks]
    built = [build_arm([cell], [1.0], layout) for cell in cells]
    with np.errstate(all="ignore"):
        found = estimate(built[0], built[1], [1.0], layout, plan)
        skewed = _flag_skew(treatment, control, plan)
        flags = [a + b for a, b in zip(flag_rows(built[0], built[1], layout, found), skewed, strict=True)]
        return assemble_rows(found, plan, flags)
