"""The arithmetic of the one estimator, written once for a pair of arms and for rows of pairs.

Every quantity here is a float or an array over rows: only ``+ - * /`` and square roots are used,
so the scalar door and the vectorised door of :mod:`abplat.stats.estimator` cannot disagree. The
doors refuse what cannot be computed before (or mask it after) calling in here. The notation is
that of :mod:`abplat.stats.arms`.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import mul, sub
from typing import Final, NamedTuple

import numpy as np

from abplat.stats.arms import Arm, Cell, Forms, Layout, build_arms
from abplat.stats.comparison import ComparisonPlan
from abplat.stats.pivoting import divide, find_dependent, solve_rows
from abplat.stats.tails import Numbers

_DIGIT: Final = 8 * float(np.finfo(float).eps)
"""Rounding of one value as a share of it."""


class Estimate(NamedTuple):
    """Everything the intervals need: effect, baseline, their variances and covariance."""

    effect: Numbers
    variance: Numbers
    magnitude: Numbers
    df: Numbers
    control: Numbers
    treatment: Numbers
    control_adjusted: Numbers
    treatment_adjusted: Numbers
    baseline: Numbers
    baseline_variance: Numbers
    baseline_covariance: Numbers
    theta: list[Numbers]
    n_treatment: Numbers
    n_control: Numbers


def find_slopes(
    treatment: Arm, control: Arm, weights: Sequence[Numbers], layout: Layout, plan: ComparisonPlan
) -> list[list[Numbers]]:
    """Find the slope of each covariate, per stratum (the same in all but for ``per_stratum``)."""
    q, n_strata = len(layout.points) - 1, len(weights)
    if plan.theta_rule == "fixed":
        return [list(plan.theta)] * n_strata
    if not q:
        return [[]] * n_strata
    if plan.theta_rule == "per_stratum":
        pairs = zip(treatment.cells, control.cells, strict=True)
        return [_solve([(1.0 / c.n, c) for c in pair], q, plan.ridge) for pair in pairs]
    if plan.theta_rule == "pooled_total":
        return [_pool_total([*treatment.merged, *control.merged], layout, plan.ridge)] * n_strata
    cells = [*treatment.cells, *control.cells]
    if plan.theta_rule == "within_arms":
        return [_solve([(c.n - 1.0, c) for c in cells], q, plan.ridge)] * n_strata
    return [_solve([(c.scale, c) for c in cells], q, plan.ridge)] * n_strata


def find_singular(treatment: Arm, control: Arm, q: int, row: int = 0) -> list[bool]:
    """Tell which covariates vary in neither arm or are explained by the others, in one row."""
    cells = [(c.scale, c) for c in (*treatment.cells, *control.cells)]
    return find_dependent(_weigh(cells, q), [_noise(cells, j) for j in range(q)], row)


def _weigh(cells: Sequence[tuple[Numbers, Forms]], q: int) -> list[list[Numbers]]:
    """Add up the products of the covariates over cells."""
    return [[sum([w * c.hh[i][j] for w, c in cells]) for j in range(q)] for i in range(q)]


def _solve(cells: Sequence[tuple[Numbers, Forms]], q: int, ridge: float) -> list[Numbers]:
    """Solve the weighted normal equations for the slopes; a constant covariate gets slope 0."""
    top = [sum([w * c.gh[j] for w, c in cells]) for j in range(q)]
    bottom = _weigh(cells, q)
    for j in range(q):
        bottom[j][j] = bottom[j][j] * (1.0 + ridge)
    noise = [_noise(cells, j) for j in range(q)]
    if q == 1:
        return [divide(top[0], bottom[0][0], noise[0])]
    return solve_rows(bottom, top, noise)


def _noise(cells: Sequence[tuple[Numbers, Forms]], j: int) -> Numbers:
    """Return the variance below which a covariate is constant but for rounding."""
    return sum([w * (_DIGIT * c.covariates[j]) ** 2 for w, c in cells])


def _pool_total(cells: Sequence[Cell], layout: Layout, ridge: float) -> list[Numbers]:
    """Find the slopes over all units together, differences between the arms included."""
    n = sum(c.n for c in cells)
    origin = cells[0].origin
    places = [{i: (c.origin[i] - origin[i]) + c.place[i] for i in layout.columns} for c in cells]
    pairs = list(zip(cells, places, strict=True))
    place = {i: sum(c.n * p[i] for c, p in pairs) / n for i in layout.columns}
    mean = {i: origin[i] + place[i] for i in layout.columns}
    centred = [[0.0 for _ in row] for row in cells[0].centred]
    for i in layout.columns:
        for j in layout.columns:
            between = [c.n * (p[i] - place[i]) * (p[j] - place[j]) for c, p in pairs]
            centred[i][j] = sum([c.centred[i][j] for c in cells]) + sum(between)
    whole = Cell(n, origin, place, mean, centred)
    form = build_arms([whole], [whole], [1.0], layout)[0].cells[0]
    return _solve([(1.0, form)], len(layout.points) - 1, ridge)


class _Spread(NamedTuple):
    """Variances of one arm: of its value, value with slope times covariates, slope times covariates."""

    gg: Numbers
    gh: Numbers
    hh: Numbers
    df_term: Numbers


def _spread(arm: Arm, slopes: Sequence[Sequence[Numbers]]) -> _Spread:
    """Sum the variances of an arm over its cells, with the Satterthwaite term of the residual."""
    gg = gh = hh = term = 0.0
    for cell, theta in zip(arm.cells, slopes, strict=True):
        one = cell.scale * cell.gg
        two = cell.scale * _dot(theta, cell.gh)
        three = cell.scale * _dot(theta, [_dot(theta, row) for row in cell.hh])
        gg, gh, hh = gg + one, gh + two, hh + three
        residual = one - 2 * two + three
        term = term + residual * residual / (cell.n - 1.0)
    return _Spread(gg, gh, hh, term)


def _dot(a: Sequence[Numbers], b: Sequence[Numbers]) -> Numbers:
    """Return the sum of products of two short vectors."""
    return sum(map(mul, a, b))


def _move(theta: Sequence[Numbers], treatment: Forms, control: Forms) -> Numbers:
    """Return what the slopes take off the difference of two cells."""
    return _dot(theta, list(map(sub, treatment.places, control.places)))


def estimate(
    treatment: Arm, control: Arm, weights: Sequence[Numbers], layout: Layout, plan: ComparisonPlan
) -> Estimate:
    """Combine two arms into an effect with its variance, and a baseline with its."""
    slopes = find_slopes(treatment, control, weights, layout, plan)
    t, c = _spread(treatment, slopes), _spread(control, slopes)
    moved = _dot(weights, list(map(_move, slopes, treatment.cells, control.cells)))
    share = treatment.n / (treatment.n + control.n)
    adjusted_t = treatment.value - (1.0 - share) * moved
    adjusted_c = control.value + share * moved
    effect = treatment.place - control.place - moved
    variance = t.gg - 2 * t.gh + t.hh + c.gg - 2 * c.gh + c.hh
    var_c = c.gg - 2 * share * c.gh + share**2 * (c.hh + t.hh)
    cov_tc = share * t.gh + (1 - share) * c.gh - share * (1 - share) * (t.hh + c.hh)
    magnitude = t.gg + t.hh + c.gg + c.hh
    df = divide(variance * variance, t.df_term + c.df_term) - _count_slopes(slopes, plan)
    if plan.denominator == "unadjusted":
        base, base_var, base_cov = control.value, c.gg, -(c.gg - c.gh)
    else:
        base, base_var, base_cov = adjusted_c, var_c, cov_tc - var_c
    if plan.strata_shares == "random":
        extra = _between(treatment, control, slopes, weights, plan, share)
        variance, base_var, base_cov = variance + extra[0], base_var + extra[1], base_cov + extra[2]
    return Estimate(
        effect,
        variance,
        magnitude,
        df,
        control.value,
        treatment.value,
        adjusted_c,
        adjusted_t,
        base,
        base_var,
        base_cov,
        _mean_slopes(slopes, weights),
        treatment.n,
        control.n,
    )


def _count_slopes(slopes: Sequence[Sequence[Numbers]], plan: ComparisonPlan) -> Numbers:
    """Count the degrees of freedom spent on slopes: one per slope found in the data and not 0."""
    if plan.theta_rule == "fixed":
        return 0.0
    counted = slopes if plan.theta_rule == "per_stratum" else slopes[:1]
    return sum([(s != 0.0) * 1.0 for theta in counted for s in theta])


def _mean_slopes(slopes: Sequence[Sequence[Numbers]], weights: Sequence[Numbers]) -> list[Numbers]:
    """Return one slope per covariate, weighted over strata."""
    return [_dot(weights, over_strata) for over_strata in zip(*slopes, strict=True)]


def _between(
    treatment: Arm,
    control: Arm,
    slopes: Sequence[Sequence[Numbers]],
    weights: Sequence[Numbers],
    plan: ComparisonPlan,
    share: Numbers,
) -> tuple[Numbers, Numbers, Numbers]:
    """Return what random strata shares add: variance of effect, of baseline, and their covariance."""
    n = treatment.n + control.n
    effects, bases = [], []
    for theta, t, c in zip(slopes, treatment.cells, control.cells, strict=True):
        moved = _move(theta, t, c)
        effects.append(t.place - c.place - moved)
        bases.append(c.value + (0.0 if plan.denominator == "unadjusted" else share * moved))
    e = _deviate(effects, weights)
    b = _deviate(bases, weights)
    return (
        _dot(weights, list(map(mul, e, e))) / n,
        _dot(weights, list(map(mul, b, b))) / n,
        _dot(weights, list(map(mul, e, b))) / n,
    )


def _deviate(values: Sequence[Numbers], weights: Sequence[Numbers]) -> list[Numbers]:
    """Return the distances of the strata from their weighted mean."""
    mean = _dot(weights, values)
    return [v - mean for v in values]
