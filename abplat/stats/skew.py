"""Whether the normal interval of a difference can be believed when values are skewed.

Rare buyers with a few large baskets, and arms of unequal size: there the normal interval errs in
one tail only, at sample sizes that look ample. The third moment of the record shows it. Equal
arms cancel, which rules on the skewness of one arm do not see.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from abplat.errors import InvalidInputError
from abplat.stats.arms import RecordLike
from abplat.stats.inputs import as_finite_array
from abplat.stats.moments import Moments, Strata, pool_strata
from abplat.stats.pivoting import divide
from abplat.stats.result import Computed, NotComputable
from abplat.stats.tails import Numbers, critical_normal

_NOISE: Final = 64 * float(np.finfo(float).eps)


@dataclass(frozen=True, slots=True)
class SkewCheck:
    """How far skewness moves the error of a normal interval into one tail.

    Attributes:
        skewness: Of the difference of means (0 where equal arms cancel).
        extra_error: What skewness adds to the error of the worse tail, as a probability.
        tail_error: Expected error of that tail: alpha / 2 plus ``extra_error``.
        tail: The side on which false alarms pile up: ``lower`` means that the treatment is too
            often called lower than it is (positive skewness), ``upper`` the opposite.
        pooled_extra_error: The same from one third moment for both arms, as if the treatment changed
            nothing: 0 for equal arms. Where it is small and ``extra_error`` is not, a few units at
            the top of one arm make the difference, and more units would settle it.
        is_reliable: Whether ``extra_error`` is at most alpha / 4.
        code: ``normal_interval_unreliable`` where it is not reliable, else None.
    """

    skewness: float
    extra_error: float
    tail_error: float
    tail: Literal["lower", "upper"]
    pooled_extra_error: float
    is_reliable: bool
    code: str | None


def check_skew(treatment: Strata, control: Strata, alpha: float = 0.05) -> Computed[SkewCheck]:
    """Predict the one-sided error that skewness adds to the interval of a difference of means.

    Rule: gamma = (k3_T / n_T^2 - k3_C / n_C^2) / SE^3 with k3 the third central moments; the
    first Edgeworth term of Welch's t adds phi(z) (2 z^2 + 1) |gamma| / 6 to one tail. Above
    alpha / 4 the interval is not to be relied on. It is not corrected: transformations that undo
    the skewness make small samples worse. Cap the metric, wait, or split equally.

    Args:
        treatment: Record of the treated arm with ``cube_y``, or one per stratum (added up).
        control: The same for control.
        alpha: Two-sided error rate of the interval.

    Returns:
        The prediction; ``no_units``, ``too_few_units``, ``zero_variance``, or ``no_cubes`` where a
        record lacks the sum of cubes. Of a record of a ratio or with covariates it speaks of y alone:
        give the records of :func:`linearise` instead, which hold what the ratio's error is made of.

    Raises:
        InvalidInputError: If alpha lies outside (0, 1).

    References:
        Hall (1992), The Bootstrap and Edgeworth Expansion, chapter 2; Kohavi, Deng,
        Longbotham, Xu (2014), KDD, rule 7 (355 skewness^2, blind to the split).

    Examples:
        >>> from abplat.stats import Moments
        >>> few = Moments.from_values([0.0] * 95 + [1.0, 1.0, 2.0, 5.0, 40.0])
        >>> many = Moments.from_values([0.0] * 950 + [1.0, 1.0, 2.0, 5.0, 40.0] * 10)
        >>> check_skew(few, many).tail
        'lower'
        >>> check_skew(few, few).is_reliable
        True
    """
    if not 0 < alpha < 1:
        raise InvalidInputError.at("alpha", f"must lie between 0 and 1, got {alpha!r}")
    arms = [pool_strata(treatment), pool_strata(control)]
    if min(arm.n for arm in arms) < 3:
        return NotComputable("too_few_units" if all(arm.n for arm in arms) else "no_units")
    if any(arm.cube_y is None for arm in arms):
        return NotComputable("no_cubes")
    parts = [_centre(arm) for arm in arms]
    if parts[0][0] + parts[1][0] <= 0:
        return NotComputable("zero_variance")
    gamma = float(_skewness(parts[0], parts[1]))
    extra = _edgeworth(alpha) * abs(gamma)
    is_reliable = extra <= alpha / 4
    code = None if is_reliable else "normal_interval_unreliable"
    tail: Literal["lower", "upper"] = "lower" if gamma >= 0 else "upper"
    pooled = _edgeworth(alpha) * abs(_pool(parts, (arms[0].n, arms[1].n)))
    return SkewCheck(gamma, extra, min(1.0, alpha / 2 + extra), tail, pooled, is_reliable, code)


def linearise(
    y: npt.ArrayLike,
    denominator: npt.ArrayLike | None = None,
    covariate: npt.ArrayLike | None = None,
    theta: float = 0.0,
) -> Moments:
    """Return the record of linearised values of an arm, whose mean errs as a ratio or adjusted mean does.

    Why: a ratio of sums has no value per unit, so its skewness cannot be seen in the record. To first
    order its error is the mean of (y - R d) / mean(d), and that has a third moment. Rows are needed.

    Args:
        y: Outcome (numerator) per unit of one arm, shape (n,).
        denominator: Denominator per unit; None for a mean.
        covariate: Pre-period value per unit; None for no adjustment.
        theta: Slope of the covariate, as in ``Comparison.theta``.

    Returns:
        A record with one column y: the ratio (or mean) plus each unit's deviation.

    Raises:
        InvalidInputError: If lengths differ, a number is not finite, or the denominators sum to 0.

    References:
        Deng, Knoblich, Lu (2018), KDD, section 2.2 (linearisation).

    Examples:
        >>> orders, visits = [0.0, 0.0, 1.0, 30.0], [1.0, 2.0, 3.0, 4.0]
        >>> round(float(linearise(orders, visits).mean[0]), 6)
        3.1
    """
    top = as_finite_array("y", y)
    bottom = np.ones_like(top) if denominator is None else as_finite_array("denominator", denominator)
    before = np.zeros_like(top) if covariate is None else as_finite_array("covariate", covariate)
    if top.ndim != 1 or top.shape != bottom.shape or top.shape != before.shape:
        raise InvalidInputError.at("denominator", f"needs one number per unit, {top.size} of them")
    scale = float(bottom.mean()) if bottom.size else 1.0
    if scale == 0:
        raise InvalidInputError.at("denominator", "sums to zero: there is no ratio")
    ratio = float(top.sum() / bottom.sum()) if top.size else 0.0
    centred = before - before.mean() if before.size else before
    return Moments.from_values(ratio + (top - ratio * bottom) / scale - theta * centred)


def _pool(parts: list[tuple[Numbers, Numbers]], sizes: tuple[int, int]) -> float:
    """Return the skewness of the difference if both arms had the third moment of all units."""
    n, m = sizes
    third = (parts[0][1] * n**3 + parts[1][1] * m**3) / (n + m)
    return float(third * (1 / n**2 - 1 / m**2) / (parts[0][0] + parts[1][0]) ** 1.5)


def flag_skew(treatment: RecordLike, control: RecordLike, alpha: float) -> Numbers:
    """Tell whether skewness makes the normal interval unreliable, for a pair of arms or for rows.

    A record without cubes (NaN in a row) or with fewer than three units raises nothing.

    Examples:
        >>> from abplat.stats import Moments
        >>> few = Moments.from_values([0.0] * 95 + [1.0, 1.0, 2.0, 5.0, 40.0])
        >>> flag_skew(few, few + few + few + few + few, 0.05)
        True
    """
    if treatment.cube_y is None or control.cube_y is None:
        return False
    gamma = _skewness(_centre(treatment), _centre(control))
    return (abs(gamma) > alpha / 4 / _edgeworth(alpha)) & (treatment.n > 2) & (control.n > 2)


def _centre(record: RecordLike) -> tuple[Numbers, Numbers]:
    """Return the variance of the mean of y, and its third central moment over n squared."""
    n, total, squares = record.n * 1.0, record.sum[0], record.cross[0]
    mean = total / n
    second = squares - total * mean
    third = record.cube_y - 3 * mean * squares + 2 * n * mean * mean * mean
    is_real = second > _NOISE * squares
    return second * is_real / (n - 1) / n, divide(third * is_real, n * (n - 1) * (n - 2))


def _skewness(treatment: tuple[Numbers, Numbers], control: tuple[Numbers, Numbers]) -> Numbers:
    """Return the skewness of the difference per row; 0 where nothing varies."""
    return divide(treatment[1] - control[1], (treatment[0] + control[0]) ** 1.5)


@lru_cache(maxsize=32)
def _edgeworth(alpha: float) -> float:
    """Return phi(z) (2 z^2 + 1) / 6: the tail error added per unit of skewness."""
    z = critical_normal(alpha)
    return math.exp(-z * z / 2) / math.sqrt(2 * math.pi) * (2 * z * z + 1) / 6
