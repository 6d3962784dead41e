"""What a reader must know about a pair of arms before believing its effect."""

from __future__ import annotations

from typing import Final

import numpy as np

from abplat.stats.arms import Arm, Layout
from abplat.stats.kernel import Estimate, find_singular
from abplat.stats.tails import Numbers, two_sided_normal

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
        flags["denominator_moved"] = _denominator_p(treatment, control, d) < _DENOMINATOR_ALPHA
    if covariates:
        limit = _IMBALANCE_ALPHA / len(covariates)
        raised = [_covariate_p(treatment, control, j) < limit for j in range(len(covariates))]
        flags["covariate_imbalance"] = sum(raised) > 0
        flags["covariate_singular"] = _find_singular_rows(treatment, control, found)
    return flags


def _find_singular_rows(treatment: Arm, control: Arm, found: Estimate) -> Numbers:
    """Tell where a covariate got no slope because it is constant or explained by the others."""
    dropped = sum(theta == 0.0 for theta in found.theta)
    if not (dropped.any() if isinstance(dropped, np.ndarray) else dropped):
        return False
    singular = np.array(np.broadcast_to(np.greater(dropped, 0), np.shape(found.effect)))
    for row in np.flatnonzero(singular):
        singular.flat[row] = any(find_singular(treatment, control, len(found.theta), int(row)))
    return singular


def _denominator_p(treatment: Arm, control: Arm, d: int) -> Numbers:
    """Test whether the mean denominator differs between the arms."""
    gap, variance = 0.0, 0.0
    for arm, sign in ((treatment, 1.0), (control, -1.0)):
        for cell, form in zip(arm.merged, arm.cells, strict=True):
            weight = (form.scale * form.n) ** 0.5
            gap = gap + sign * weight * cell.place[d]
            variance = variance + form.scale * cell.centred[d, d] / (cell.n - 1.0)
    return _test(gap, variance)


def _covariate_p(treatment: Arm, control: Arm, j: int) -> Numbers:
    """Test whether a covariate differed between the arms before exposure."""
    variance = sum(f.scale * f.hh[j][j] for arm in (treatment, control) for f in arm.cells)
    return _test(treatment.places[j] - control.places[j], variance)


def _test(gap: Numbers, variance: Numbers) -> Numbers:
    """Return the two-sided normal p-value of a gap; 1 where nothing varies."""
    if isinstance(gap, np.ndarray):
        return two_sided_normal(gap / np.sqrt(np.where(variance > 0, variance, np.inf)))
    return two_sided_normal(gap / variance**0.5) if variance > 0 else 1.0
