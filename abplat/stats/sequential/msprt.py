"""The mixture sequential probability ratio test, with its mixing variance fixed before the start.

A mixing variance that follows the sample size (as in one vendor's documents) is a constant bar
that is crossed for certain in the end; here it is part of a frozen plan.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from abplat.stats.inputs import FloatArray, as_finite_array, require_between, require_positive


@dataclass(frozen=True, slots=True, kw_only=True)
class MixturePlan:
    """A mixture test.

    Attributes:
        mixing_variance: Variance of the effects expected, in squared units of the effect.
        alpha: Error rate over all of time.

    Raises:
        InvalidInputError: If a number is out of range.
    """

    mixing_variance: float
    alpha: float = 0.05

    def __post_init__(self) -> None:
        require_positive("mixing_variance", self.mixing_variance)
        require_between("alpha", self.alpha)


def plan_mixture(planned_se: float, alpha: float = 0.05) -> MixturePlan:
    """Return the mixture test whose interval is tightest at a planned standard error.

    Args:
        planned_se: Standard error of the effect expected at the planned sample size.
        alpha: Error rate over all of time.

    Returns:
        The plan with the mixing variance fixed.

    Raises:
        InvalidInputError: If a number is out of range.

    References:
        Minimises the half-width of Johari et al. (2022); the root is approximated as in arXiv
        2103.06476 for its rho.

    Examples:
        >>> round(plan_mixture(0.1).mixing_variance, 4)
        0.0794
    """
    require_between("alpha", alpha)
    gain = -2 * np.log(alpha)
    return MixturePlan(
        mixing_variance=require_positive("planned_se", planned_se) ** 2 * float(gain + np.log1p(gain)),
        alpha=alpha,
    )


def log_mixture_ratio(effect: npt.ArrayLike, se: npt.ArrayLike, plan: MixturePlan) -> FloatArray:
    """Return the log of the mixture likelihood ratio of "some effect" against "no effect".

    Args:
        effect: Estimates, any shape.
        se: Standard errors, of a shape that fits.
        plan: The test.

    Returns:
        Log ratios; a martingale in time without an effect, so exp of it passes 1 / alpha in at
        most alpha of tests, ever.

    Raises:
        InvalidInputError: If a number is bad.

    References:
        Johari, Koomen, Pekelis and Walsh (2022), Operations Research 70:
        sqrt(V / (V + t2)) exp(t2 d^2 / (2 V (V + t2))).

    Examples:
        >>> log_mixture_ratio(0.3, 0.1, MixturePlan(mixing_variance=0.04)).round(4).item()
        2.7953
    """
    value = as_finite_array("effect", effect)
    variance = as_finite_array("se", se, positive=True) ** 2
    mixing = plan.mixing_variance
    gain = mixing * value**2 / (2 * variance * (variance + mixing))
    return np.asarray(gain - 0.5 * np.log1p(mixing / variance))


def mixture_p_values(effect: npt.ArrayLike, se: npt.ArrayLike, plan: MixturePlan) -> FloatArray:
    """Return always-valid p-values, one per look: the running minimum of 1 / ratio.

    Args:
        effect: Estimates in the order of time along the last axis.
        se: Standard errors, likewise.
        plan: The test.

    Returns:
        P-values that never rise along the last axis.

    Raises:
        InvalidInputError: If a number is bad.

    References:
        Johari et al. (2022): the always-valid p-value of a mixture test.

    Examples:
        >>> mixture_p_values([0.3, 0.1], [0.1, 0.1], MixturePlan(mixing_variance=0.04)).round(4).tolist()
        [0.0611, 0.0611]
    """
    logs = np.atleast_1d(log_mixture_ratio(effect, se, plan))
    return np.exp(np.minimum.accumulate(np.minimum(-logs, 0.0), axis=-1))


def mixture_half_width(se: npt.ArrayLike, plan: MixturePlan) -> FloatArray:
    """Return half the width of the always-valid interval around the estimate.

    Args:
        se: Standard errors, any shape.
        plan: The test.

    Returns:
        Half widths in the unit of the effect; 0 is outside exactly when 1 / ratio is below alpha.

    Raises:
        InvalidInputError: If a standard error is not above 0.

    References:
        Johari et al. (2022): the ratio around each effect held against 1 / alpha.

    Examples:
        >>> mixture_half_width(0.1, plan_mixture(0.1)).round(4).item()
        0.3035
    """
    variance = as_finite_array("se", se, positive=True) ** 2
    mixing = plan.mixing_variance
    logs = np.log1p(mixing / variance) - 2 * np.log(plan.alpha)
    return np.asarray(np.sqrt(variance * (variance + mixing) / mixing * logs))
