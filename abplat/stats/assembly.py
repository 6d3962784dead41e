"""From an estimate to the public result: interval, p-value, relative effect, reasons."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np

from abplat.stats.comparison import Comparison, ComparisonPlan, fill_comparison
from abplat.stats.kernel import Estimate
from abplat.stats.relative import RelativeEffect, refuse_relative, relate, weigh_baseline
from abplat.stats.result import Computed, NotComputable
from abplat.stats.tails import (
    Numbers,
    critical_normal,
    critical_t,
    log10_two_sided_normal,
    log10_two_sided_t,
    two_sided_normal,
    two_sided_t,
)

_NOISE: Final = 64 * float(np.finfo(float).eps)


class _Ends(NamedTuple):
    """Standard error, critical value and p-value of the difference, floats or arrays."""

    se: Numbers
    critical: Numbers
    p_value: Numbers
    log10_p: Numbers


_UNKNOWN: Final = RelativeEffect(math.nan, math.nan, math.nan, math.nan)
"""Stands where the row's reason says that there is no relative effect; never shown."""


def assemble(found: Estimate, plan: ComparisonPlan, flags: tuple[str, ...]) -> Computed[Comparison]:
    """Make the result of one pair of arms."""
    if found.variance <= _NOISE * found.magnitude:
        return NotComputable("zero_variance")
    if found.df < 1:
        return NotComputable("too_few_units")
    ends = _end(found, plan)
    reason = refuse_relative(found, ends.critical, plan)
    relative = _UNKNOWN if reason else relate(found, ends.critical, ends.p_value, plan)
    row = [float(v) for v in _columns(found, ends, relative)]
    return _make(row, tuple(float(t) for t in found.theta), reason, plan, flags)


def assemble_rows(
    found: Estimate, plan: ComparisonPlan, flags: Sequence[tuple[str, ...]]
) -> list[Computed[Comparison]]:
    """Make the results of many pairs of arms."""
    size = len(flags)
    ends = _end(found, plan)
    rows = _transpose(_columns(found, ends, relate(found, ends.critical, ends.p_value, plan)), size)
    thetas = _transpose(found.theta, size)
    reasons = name_rows(_refuse_relative_rows(found, ends, plan), size)
    refusals = name_rows(
        {"zero_variance": found.variance <= _NOISE * found.magnitude, "too_few_units": found.df < 1}, size
    )
    pieces = zip(refusals, rows, thetas, reasons, flags, strict=True)
    return [
        NotComputable(refusal) if refusal else _make(row, theta, reason, plan, raised)
        for refusal, row, theta, reason, raised in pieces
    ]


def name_rows(found: Mapping[str, Numbers], size: int) -> list[str | None]:
    """Give each row the first of the names that holds for it, or None."""
    names: list[str | None] = [None] * size
    for name, rows in reversed(list(found.items())):
        for i in np.flatnonzero(rows if np.ndim(rows) else np.full(size, rows)):
            names[i] = name
    return names


def _transpose(columns: Sequence[Numbers], size: int) -> list[tuple[float, ...]]:
    """Turn arrays over rows into one tuple of floats per row."""
    if not columns:
        return [()] * size
    return list(zip(*(_list(c, size) for c in columns), strict=True))


def _list(column: Numbers, size: int) -> list[float]:
    """Return one number per row from an array over rows, or from a number that holds for all."""
    return column.tolist() if np.ndim(column) else [float(column)] * size


def _refuse_relative_rows(found: Estimate, ends: _Ends, plan: ComparisonPlan) -> dict[str, Numbers]:
    """Tell per row why there is no relative effect, in the order of ``refuse_relative``."""
    refused: dict[str, Numbers] = {
        "zero_baseline": found.baseline == 0,
        "control_mean_near_zero": weigh_baseline(found, ends.critical) >= 1,
    }
    if plan.relative == "log":
        refused["non_positive_mean"] = (found.baseline < 0) | (found.baseline + found.effect <= 0)
    return refused


def _end(found: Estimate, plan: ComparisonPlan) -> _Ends:
    """Refer the effect to its distribution."""
    se = found.variance**0.5
    statistic = found.effect / se
    if plan.reference == "normal":
        critical: Numbers = critical_normal(plan.alpha)
        return _Ends(se, critical, two_sided_normal(statistic), log10_two_sided_normal(statistic))
    critical = critical_t(found.df, plan.alpha)
    p_value = two_sided_t(statistic, found.df)
    return _Ends(se, critical, p_value, log10_two_sided_t(statistic, found.df, p_value))


def _columns(found: Estimate, ends: _Ends, relative: RelativeEffect) -> tuple[Numbers, ...]:
    """Put the numbers of a result in the order in which ``_make`` reads them."""
    half = ends.critical * ends.se
    return (
        found.effect,
        ends.se,
        found.df,
        found.effect - half,
        found.effect + half,
        ends.p_value,
        ends.log10_p,
        *relative,
        found.control,
        found.treatment,
        found.control_adjusted,
        found.treatment_adjusted,
        found.n_control,
        found.n_treatment,
    )


def _make(
    row: Sequence[float],
    theta: tuple[float, ...],
    reason: str | None,
    plan: ComparisonPlan,
    flags: tuple[str, ...],
) -> Comparison:
    """Lay the numbers of one pair into the public shape."""
    effect, se, df, *ends, point, lower, upper, rel_p, control, treatment, base, moved, n_c, n_t = row
    is_t = plan.reference == "t"
    return fill_comparison(
        (
            effect,
            se,
            df if is_t else None,
            *ends,
            *((None, None, None, None) if reason else (point, lower, upper, rel_p)),
            reason,
            control,
            treatment,
            base,
            moved,
            int(n_c),
            int(n_t),
            theta,
            "welch" if is_t else "normal",
            flags,
            plan.alpha,
        )
    )
