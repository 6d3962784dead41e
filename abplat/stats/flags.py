"""What a reader must know about a pair of arms before believing its effect."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import numpy as np

from abplat.stats.arms import Arm, Layout
from abplat.stats.kernel import Estimate, find_singular
from abplat.stats.tails import Numbers, critical_normal

_IMBALANCE_ALPHA: Final = 0.001
_DENOMINATOR_ALPHA: Final = 0.01


def flag_pair(treatment: Arm, control: Arm, layout: Layout, found: Estimate) -> tuple[str, ...]:
    """Name what a reader must know about a pair of arms."""
    return tuple(name for name, raised in _judge(treatment, control, layout, found).items() if raised)


def flag_rows(treatment: Arm, control: Arm, layout: Layout, found: Estimate) -> list[tuple[str, ...]]:
    """Name what a reader must know, row by row."""
    judged = _judge(treatment, control, layout, found)
    size = np.size(found.effect)
    raised = [(name, np.broadcast_to(on, size).tolist()) for name, on in judged.items() if np.any(on)]
    if not raised:
        return [()] * size
    return [tuple(name for name, on in raised if on[i]) for i in range(size)]


def _judge(treatment: Arm, control: Arm, layout: Layout, found: Estimate) -> dict[str, Numbers]:
    """Decide each flag: a negative baseline, a moved denominator, arms that differed before."""
    flags = {"negative_control": found.baseline < 0}
    (_, d), *covariates = layout.points
    if d is not None:
        flags["denominator_moved"] = _has_moved(treatment, control, d)
    if covariates:
        alpha, q = _IMBALANCE_ALPHA / len(covariates), len(covariates)
        flags["covariate_imbalance"] = (
            sum([_is_unbalanced(treatment, control, j, alpha) for j in range(q)]) > 0
        )
        flags["covariate_singular"] = _find_singular_rows(treatment, control, found)
    return flags


def _find_singular_rows(treatment: Arm, control: Arm, found: Estimate) -> Numbers:
    """Tell where a covariate got no slope because it is constant or explained by the others."""
    dropped = sum([theta == 0.0 for theta in found.theta])
    if not (dropped.any() if isinstance(dropped, np.ndarray) else dropped):
        return False
    singular = np.array(np.broadcast_to(np.greater(dropped, 0), np.shape(found.effect)))
    for row in np.flatnonzero(singular):
        singular.flat[row] = any(find_singular(treatment, control, len(found.theta), int(row)))
    return singular


def _has_moved(treatment: Arm, control: Arm, d: int) -> Numbers:
    """Test whether the mean denominator differs between the arms."""
    gap, variance = 0.0, 0.0
    for arm, sign in ((treatment, 1.0), (control, -1.0)):
        for cell, form in zip(arm.merged, arm.cells, strict=True):
            gap = gap + sign * (form.scale * form.n) ** 0.5 * cell.place[d]
            variance = variance + form.scale * cell.centred[d][d] / (cell.n - 1.0)
    return _differs(gap, variance, _DENOMINATOR_ALPHA)


def _is_unbalanced(treatment: Arm, control: Arm, j: int, alpha: float) -> Numbers:
    """Test whether a covariate differed between the arms before exposure."""
    variance: Numbers = 0.0
    for arm in (treatment, control):
        for form in arm.cells:
            variance = variance + form.scale * form.hh[j][j]
    return _differs(treatment.places[j] - control.places[j], variance, alpha)


def _differs(gap: Numbers, variance: Numbers, alpha: float) -> Numbers:
    """Tell whether a gap is more than chance, two-sided on the normal; never where nothing varies."""
    return (gap * gap > _square_critical(alpha) * variance) & (variance > 0)


@lru_cache(maxsize=32)
def _square_critical(alpha: float) -> float:
    """Return the square of the two-sided critical value."""
    return critical_normal(alpha) ** 2
