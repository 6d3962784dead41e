"""Asymptotic confidence sequences: intervals that hold at every moment, for open-ended monitoring.

They need nothing but (effect, SE, n), so they plug into any metric. They pay for the freedom with
width: at the planned n the critical value is 3.04 where a fixed test has 1.96.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from abplat.errors import InvalidInputError
from abplat.stats.inputs import (
    FloatArray,
    as_finite_array,
    require_between,
    require_choice,
    require_count,
    require_finite,
    require_positive,
)
from abplat.stats.result import Computed, NotComputable


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfidenceSequencePlan:
    """A confidence sequence, tuned before the start; it cannot be switched on later.

    Attributes:
        planned_n: Units (both arms) at which the sequence is to be tightest: the planned size.
        alpha: Error rate over all of time.
        sides: 2 for an interval, 1 for a lower bound alone.
        least_n: Fewest units per arm for an answer: the sequence is asymptotic.

    Raises:
        InvalidInputError: If a number is out of range.
    """

    planned_n: float
    alpha: float = 0.05
    sides: Literal[1, 2] = 2
    least_n: int = 100

    def __post_init__(self) -> None:
        require_positive("planned_n", self.planned_n)
        require_between("alpha", self.alpha, 0.0, 0.5)
        require_choice("sides", self.sides, (1, 2))
        require_count("least_n", self.least_n, 1)

    @property
    def rho_squared(self) -> float:
        """Variance of the mixture per unit, which makes the sequence tightest at the planned n."""
        alpha = self.alpha * (2 if self.sides == 1 else 1)
        return float(-2 * np.log(alpha) + np.log1p(-2 * np.log(alpha))) / self.planned_n


@dataclass(frozen=True, slots=True)
class SequenceInterval:
    """A confidence sequence at one moment.

    Attributes:
        ci_lower: Lower end, in the unit of the effect.
        ci_upper: Upper end; None for a one-sided sequence.
        p_value: Always-valid p-value: at or below alpha exactly when 0 is excluded.
        log10_p: Its decimal logarithm.
        critical: Half the width in standard errors.
    """

    ci_lower: float
    ci_upper: float | None
    p_value: float
    log10_p: float
    critical: float


def sequence_critical_values(n: npt.ArrayLike, plan: ConfidenceSequencePlan) -> FloatArray:
    """Return half the width of a confidence sequence in standard errors, at each sample size.

    Args:
        n: Units of both arms together, any shape, above 0.
        plan: The sequence.

    Returns:
        Critical values of the shape of ``n``; multiply by the standard error.

    Raises:
        InvalidInputError: If a sample size is not above 0.

    References:
        Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas (2021), arXiv 2103.06476, equation 9 (the
        half-width over s / sqrt n) and its one-sided form; rho by their closed-form approximation of
        the width's minimum at the planned n.

    Examples:
        >>> plan = ConfidenceSequencePlan(planned_n=20_000)
        >>> sequence_critical_values([5_000, 20_000, 400_000], plan).round(3).tolist()
        [3.264, 3.035, 3.337]
    """
    mixed = as_finite_array("n", n, positive=True) * plan.rho_squared
    root = np.sqrt(mixed + 1)
    inner = root / plan.alpha if plan.sides == 2 else 1 + root / (2 * plan.alpha)
    return np.asarray(np.sqrt(2 * (mixed + 1) / mixed * np.log(inner)))


def sequence_log_p_values(z: npt.ArrayLike, n: npt.ArrayLike, plan: ConfidenceSequencePlan) -> FloatArray:
    """Return the natural log of always-valid p-values, vectorised over rows.

    The p-value is the alpha at which the sequence, with rho as planned, would just touch 0; it
    agrees with the interval. To carry the strongest evidence so far take the running minimum.

    Args:
        z: Effect over standard error, any shape.
        n: Units of both arms together, of a shape that fits.
        plan: The sequence.

    Returns:
        Log p-values, at most 0.

    Raises:
        InvalidInputError: If a number is not finite or a sample size not above 0.

    References:
        arXiv 2103.06476, equation 9 solved for alpha.

    Examples:
        >>> plan = ConfidenceSequencePlan(planned_n=20_000)
        >>> float(np.exp(sequence_log_p_values(3.035, 20_000, plan)).round(4))
        0.05
    """
    score = as_finite_array("z", z)
    mixed = as_finite_array("n", n, positive=True) * plan.rho_squared
    exponent = score**2 * mixed / (2 * (mixed + 1))
    half_log = 0.5 * np.log1p(mixed)
    if plan.sides == 2:
        return np.asarray(np.minimum(half_log - exponent, 0.0))
    with np.errstate(divide="ignore"):
        grown = exponent + np.log(-np.expm1(-exponent))
    return np.asarray(np.where(score > 0, np.minimum(half_log - np.log(2) - grown, 0.0), 0.0))


def confidence_sequence(
    effect: float, se: float, arm_sizes: tuple[int, int], plan: ConfidenceSequencePlan
) -> Computed[SequenceInterval]:
    """Return the interval that may be read at any time, also after a peek at every one before.

    Args:
        effect: Estimate now, in the unit of the metric.
        se: Its standard error now.
        arm_sizes: Units in control and treatment now.
        plan: The sequence, fixed before the start.

    Returns:
        Interval and always-valid p-value, or NotComputable (``too_few_units``) while an arm has
        fewer than ``plan.least_n`` units: before that the normal limit is not trusted.

    Raises:
        InvalidInputError: If a number is bad.

    References:
        arXiv 2103.06476, equation 9.

    Examples:
        >>> plan = ConfidenceSequencePlan(planned_n=20_000)
        >>> now = confidence_sequence(0.5, 0.1, (5_000, 5_000), plan)
        >>> round(now.ci_lower, 3), round(now.ci_upper, 3)
        (0.192, 0.808)
    """
    require_finite("effect", effect)
    require_positive("se", se)
    sizes = [require_count("arm_sizes", size) for size in arm_sizes]
    if min(sizes) < plan.least_n:
        return NotComputable("too_few_units", f"An arm has {min(sizes)} of {plan.least_n} units needed.")
    critical = float(sequence_critical_values(sum(sizes), plan))
    log_p = float(sequence_log_p_values(effect / se, sum(sizes), plan))
    upper = effect + critical * se if plan.sides == 2 else None
    return SequenceInterval(effect - critical * se, upper, float(np.exp(log_p)), log_p / np.log(10), critical)


def intersect_running(lower: npt.ArrayLike, upper: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Return the running intersection of the intervals of a confidence sequence over time.

    Still valid, and it never widens; but it can become empty when the effect drifts, so it is an
    option and off by default. An empty intersection shows as a lower end above the upper.

    Args:
        lower: Lower ends in the order of time, shape (looks,).
        upper: Upper ends, shape (looks,).

    Returns:
        Running maximum of the lower and running minimum of the upper ends.

    Raises:
        InvalidInputError: If the ends differ in shape or are not numbers.

    References:
        Howard, Ramdas, McAuliffe and Sekhon (2021), Annals of Statistics 49.

    Examples:
        >>> low, high = intersect_running([0.0, -1.0], [5.0, 3.0])
        >>> low.tolist(), high.tolist()
        ([0.0, 0.0], [5.0, 3.0])
    """
    low, high = as_finite_array("lower", lower), as_finite_array("upper", upper)
    if low.shape != high.shape:
        raise InvalidInputError.at(
            "upper", f"has shape {high.shape}, lower has {low.shape}; they go together"
        )
    return np.maximum.accumulate(low), np.minimum.accumulate(high)
