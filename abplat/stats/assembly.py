"""From an estimate to the public result: interval, p-value, relative effect, reasons."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from abplat.stats.comparison import Comparison, ComparisonPlan
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


def assemble(found: Estimate, plan: ComparisonPlan, flags: tuple[str, ...]) -> Computed[Comparison]:
    """Make the result of one pair of arms."""
    if found.variance <= _NOISE * found.magnitude:
        return NotComputable("zero_variance")
    if found.df < 1:
        return NotComputable("too_few_units")
    ends = _end(found, plan)
    reason = refuse_relative(found, ends.critical, plan)
    relative = None if reason else relate(found, ends.critical, ends.p_value, plan)
    row = [float(v) for v in _columns(found, ends)]
    theta = tuple(float(t) for t in found.theta)
    numbers = None if relative is None else tuple(float(v) for v in relative)
    return _make(row, theta, numbers, reason, plan, flags)


def assemble_rows(
    found: Estimate, plan: ComparisonPlan, flags: Sequence[tuple[str, ...]]
) -> list[Computed[Comparison]]:
    """Make the results of many pairs of arms."""
    size = len(flags)
    ends = _end(found, plan)
    rows = _transpose(_columns(found, ends), size)
    thetas = _transpose(found.theta, size)
    numbers = _transpose(relate(found, ends.critical, ends.p_value, plan), size)
    reasons = _reason_rows(found, ends, plan, size)
    zero = np.broadcast_to(found.variance <= _NOISE * found.magnitude, size).tolist()
    few = np.broadcast_to(found.df < 1, size).tolist()
    results: list[Computed[Comparison]] = []
    for i in range(size):
        if zero[i] or few[i]:
            results.append(NotComputable("zero_variance" if zero[i] else "too_few_units"))
            continue
        reason = reasons[i]
        results.append(_make(rows[i], thetas[i], None if reason else numbers[i], reason, plan, flags[i]))
    return results


def _transpose(columns: Sequence[Numbers], size: int) -> list[tuple[float, ...]]:
    """Turn arrays over rows into one tuple of floats per row."""
    if not columns:
        return [()] * size
    return list(zip(*(_list(c, size) for c in columns), strict=True))


def _list(column: Numbers, size: int) -> list[float]:
    """Return one number per row from an array over rows, or from a number that holds for all."""
    return column.tolist() if np.ndim(column) else [float(column)] * size


def _reason_rows(found: Estimate, ends: _Ends, plan: ComparisonPlan, size: int) -> list[str | None]:
    """Name per row why there is no relative effect, in the order of ``refuse_relative``."""
    reasons: list[str | None] = [None] * size
    refused: list[tuple[str, Numbers]] = []
    if plan.relative == "log":
        refused.append(("non_positive_mean", (found.baseline < 0) | (found.baseline + found.effect <= 0)))
    refused.append(("control_mean_near_zero", weigh_baseline(found, ends.critical) >= 1))
    refused.append(("zero_baseline", found.baseline == 0))
    for name, rows in refused:
        for i in np.flatnonzero(rows):
            reasons[i] = name
    return reasons


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


def _columns(found: Estimate, ends: _Ends) -> tuple[Numbers, ...]:
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
    relative: RelativeEffect | tuple[float, ...] | None,
    reason: str | None,
    plan: ComparisonPlan,
    flags: tuple[str, ...],
) -> Comparison:
    """Lay the numbers of one pair into the public shape."""
    point, lower, upper, rel_p = relative or (None, None, None, None)
    effect, se, df, low, high, p_value, log10_p, control, treatment, base, moved, n_control, n_treatment = row
    is_t = plan.reference == "t"
    return Comparison(
        effect=effect,
        se=se,
        df=df if is_t else None,
        ci_lower=low,
        ci_upper=high,
        p_value=p_value,
        log10_p=log10_p,
        rel_effect=point,
        rel_ci_lower=lower,
        rel_ci_upper=upper,
        rel_p_value=rel_p,
        rel_reason=reason,
        control_value=control,
        treatment_value=treatment,
        control_adjusted=base,
        treatment_adjusted=moved,
        n_control=int(n_control),
        n_treatment=int(n_treatment),
        theta=theta,
        method="welch" if is_t else "normal",
        flags=flags,
        alpha=plan.alpha,
    )
