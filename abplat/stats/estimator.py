"""The one estimator: mean, proportion, count and ratio, with covariates and strata.

All of them are one formula on moment records: a value ``M`` per arm, less slopes times the
difference of what was known before exposure. Two doors lead to the same arithmetic: ``compare``
for a pair of arms and ``compare_rows`` for a page of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import chain
from typing import Final, NamedTuple

import numpy as np

from abplat.errors import InvalidInputError
from abplat.stats.arms import Layout, RecordLike, build_arms, read_cell
from abplat.stats.assembly import assemble, assemble_rows, name_rows
from abplat.stats.comparison import Comparison, ComparisonPlan, Kind, ThetaRule
from abplat.stats.flags import flag_pair, flag_rows
from abplat.stats.kernel import Estimate, estimate
from abplat.stats.moments import FloatArray, Moments, Strata, pool_strata
from abplat.stats.result import Computed, NotComputable
from abplat.stats.skew import flag_skew
from abplat.stats.small_tables import compare_small_table
from abplat.stats.strata import pair_strata
from abplat.stats.tables import is_small_table, read_table
from abplat.stats.tails import Numbers

_ROUNDING: Final = 4096 * float(np.finfo(float).eps)
_SKEWED: Final = ("normal_interval_unreliable",)


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
    whole = (pool_strata(treatment), pool_strata(control))
    refusal = _refuse_pair(whole[0], whole[1], layout)
    if refusal is not None:
        return refusal
    k = len(paired.treatment[0].columns)
    origins = [r.shift for r in paired.control]
    cells = [
        [read_cell(r, o, layout, k) for r, o in zip(records, origins, strict=True)]
        for records in (paired.treatment, paired.control)
    ]
    arms = build_arms(cells[0], cells[1], paired.weights, layout)
    found = estimate(arms[0], arms[1], paired.weights, layout, plan)
    flags = (*paired.flags, *flag_pair(arms[0], arms[1], layout, found))
    return found, (*flags, *_SKEWED) if _is_skewed(whole[0], whole[1], plan) else flags


def _is_skewed(treatment: RecordLike, control: RecordLike, plan: ComparisonPlan) -> Numbers:
    """Tell whether skewness moves the error of a normal interval into one tail."""
    return plan.kind in ("mean", "count") and flag_skew(treatment, control, plan.alpha)


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
    columns = [record.columns for record in chain(treatment, control)]
    if columns.count(columns[0]) != len(columns):
        raise InvalidInputError.at("columns", "must be the same in all rows")
    found = _compare_stacked(treatment, control, _lay_out(treatment[0], control[0], plan), plan)
    if plan.kind != "proportion":
        return tuple(found)
    tables = (_compare_as_table(t, c, plan) for t, c in zip(treatment, control, strict=True))
    return tuple(row if table is None else table for row, table in zip(found, tables, strict=True))


def _lay_out(treatment: Moments, control: Moments, plan: ComparisonPlan) -> Layout:
    """Find the columns that a plan uses."""
    if treatment.columns != control.columns:
        message = f"differ between the arms: {treatment.columns} and {control.columns}"
        raise InvalidInputError.at("columns", message)
    return _place_columns(tuple(treatment.columns), plan.kind, plan.theta_rule, len(plan.theta))


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
    points = ((0, d), *covariates)
    before = tuple(i for point in covariates for i in point if i is not None)
    bottoms = tuple(bottom for _, bottom in points if bottom is not None)
    return Layout(points, tuple(sorted({0, *before, *bottoms})), before, bottoms)


def _refuse_pair(treatment: Moments, control: Moments, layout: Layout) -> NotComputable | None:
    """Name why two arms cannot be compared at all, or None."""
    fewest = min(treatment.n, control.n)
    if fewest < 2:
        return NotComputable("too_few_units" if fewest else "no_units")
    for reason, holds in _find_faults(treatment, control, layout).items():
        if holds:
            return NotComputable(reason)
    return None


def _find_faults(treatment: RecordLike, control: RecordLike, layout: Layout) -> dict[str, Numbers]:
    """Tell what forbids to compare two arms that have units, for a pair or for rows."""
    empty: Numbers = False
    for i in layout.bottoms:
        for arm in (treatment, control):
            empty = empty | (arm.shift[i] * arm.n + arm.sum[i] == 0)
    lost = _has_lost_digits(treatment) | _has_lost_digits(control)
    return {"zero_denominator": empty, "precision_lost": lost}


def _has_lost_digits(arm: RecordLike) -> Numbers:
    """Tell whether the variance of y is nothing but rounding of sums that were not shifted."""
    n, total, squares = arm.n, arm.sum[0], arm.cross[0]
    spread = squares - total * total / n
    large = 1e-6 * (arm.shift[0] + total / n)
    return (spread != 0) & (abs(spread) <= _ROUNDING * squares) & (squares > n * large * large)


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
    cube_y: FloatArray

    @classmethod
    def of(cls, records: Sequence[Moments]) -> _Stack:
        """Stack records; a sum of cubes that was not kept is NaN."""
        return cls(
            np.array([r.n for r in records], dtype=np.float64),
            _lay_side_by_side([r.shift for r in records]),
            _lay_side_by_side([r.sum for r in records]),
            _lay_side_by_side([r.cross for r in records]),
            np.array([r.cube_y for r in records], dtype=np.float64),
        )


def _lay_side_by_side(rows: list[tuple[float, ...]]) -> FloatArray:
    """Return rows of floats as one array per column."""
    flat = np.fromiter(chain.from_iterable(rows), np.float64, len(rows) * len(rows[0]))
    return np.ascontiguousarray(flat.reshape(len(rows), -1).T)


def _compare_stacked(
    treatment: Sequence[Moments], control: Sequence[Moments], layout: Layout, plan: ComparisonPlan
) -> list[Computed[Comparison]]:
    """Compare rows in one pass over arrays, and put the refusals over what came out of them."""
    k, size = len(treatment[0].columns), len(treatment)
    t, c = _Stack.of(treatment), _Stack.of(control)
    fewest = np.minimum(t.n, c.n)
    with np.errstate(all="ignore"):
        faults = {"no_units": fewest == 0, "too_few_units": fewest < 2, **_find_faults(t, c, layout)}
        cells = [read_cell(stack, c.shift, layout, k) for stack in (t, c)]
        arms = build_arms(cells[:1], cells[1:], [1.0], layout)
        found = estimate(arms[0], arms[1], [1.0], layout, plan)
        flags = flag_rows(arms[0], arms[1], layout, found)
        for row in np.flatnonzero(_is_skewed(t, c, plan)):
            flags[row] += _SKEWED
        results = assemble_rows(found, plan, flags)
    for i, reason in enumerate(name_rows(faults, size)):
        if reason:
            results[i] = NotComputable(reason)
    return results
