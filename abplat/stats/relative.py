"""Relative effects: the difference over the control value, with an interval that keeps its word.

Fieller's interval is the default: it holds its coverage where the control value is noisy, and it
excludes 0 exactly when the test of the difference rejects. Delta and log exist by name.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from abplat.stats.comparison import ComparisonPlan
from abplat.stats.kernel import Estimate
from abplat.stats.tails import Numbers, two_sided_normal, two_sided_t


class RelativeEffect(NamedTuple):
    """A relative effect with interval and p-value, floats or arrays over rows."""

    point: Numbers
    lower: Numbers
    upper: Numbers
    p_value: Numbers


def weigh_baseline(found: Estimate, critical: Numbers) -> Numbers:
    """Return Fieller's G: the squared noise of the baseline over its square; at 1 no finite interval."""
    return critical * critical * found.baseline_variance / (found.baseline * found.baseline)


def refuse_relative(found: Estimate, critical: float, plan: ComparisonPlan) -> str | None:
    """Name why a pair has no relative effect, or None where it has one."""
    if found.baseline == 0:
        return "zero_baseline"
    if weigh_baseline(found, critical) >= 1:
        return "control_mean_near_zero"
    if plan.relative == "log" and (found.baseline < 0 or found.baseline + found.effect <= 0):
        return "non_positive_mean"
    return None


def relate(found: Estimate, critical: Numbers, p_value: Numbers, plan: ComparisonPlan) -> RelativeEffect:
    """Return the relative effect in the way the plan names; refusals were made before."""
    if plan.relative == "fieller":
        return _fieller(found, critical, p_value)
    ratio, variance = _delta(found)
    if plan.relative == "delta":
        se = variance**0.5
        return RelativeEffect(
            ratio, ratio - critical * se, ratio + critical * se, _two_sided(ratio / se, found, plan)
        )
    growth = 1.0 + ratio
    se = variance**0.5 / growth
    logarithm = np.log1p(ratio)
    lower, upper = np.expm1(logarithm - critical * se), np.expm1(logarithm + critical * se)
    return RelativeEffect(ratio, lower, upper, _two_sided(logarithm / se, found, plan))


def _two_sided(statistic: Numbers, found: Estimate, plan: ComparisonPlan) -> Numbers:
    """Return a two-sided p-value on the reference distribution of the plan."""
    return two_sided_t(statistic, found.df) if plan.reference == "t" else two_sided_normal(statistic)


def _fieller(found: Estimate, critical: Numbers, p_value: Numbers) -> RelativeEffect:
    """Solve (effect - L base)^2 <= z^2 Var(effect - L base) for L (Fieller 1954, eq. 1)."""
    base = abs(found.baseline)
    covariance = found.baseline_covariance * _sign(found.baseline)
    square = critical * critical
    first = found.effect * found.effect - square * found.variance
    middle = found.effect * base - square * covariance
    last = base * base - square * found.baseline_variance
    root = _sqrt(middle * middle - first * last)
    return RelativeEffect(found.effect / base, (middle - root) / last, (middle + root) / last, p_value)


def _delta(found: Estimate) -> tuple[Numbers, Numbers]:
    """Return the relative effect and its variance to first order."""
    base = abs(found.baseline)
    covariance = found.baseline_covariance * _sign(found.baseline)
    ratio = found.effect / base
    variance = found.variance + ratio * ratio * found.baseline_variance - 2 * ratio * covariance
    return ratio, variance / (base * base)


def _sign(value: Numbers) -> Numbers:
    """Return -1 below 0 and 1 elsewhere."""
    if isinstance(value, np.ndarray):
        return np.where(value < 0, -1.0, 1.0)
    return -1.0 if value < 0 else 1.0


def _sqrt(value: Numbers) -> Numbers:
    """Take the square root, with rounding below 0 taken as 0."""
    if isinstance(value, np.ndarray):
        return np.sqrt(np.maximum(value, 0.0))
    return math.sqrt(max(value, 0.0))
