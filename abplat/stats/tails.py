"""Tail areas by survival functions, with logarithms where the area itself underflows.

``2 * (1 - cdf)`` is exactly zero from about eight standard errors on; a survival function keeps
its digits down to 1e-300 and the logarithm keeps them beyond.
"""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
from scipy import special

Numbers = Any
"""A float or an array of floats: the same arithmetic serves both."""

_LN10: Final = math.log(10.0)
_TINY: Final = 1e-290


def two_sided_t(statistic: Numbers, df: Numbers) -> Numbers:
    """Return the two-sided p-value of a t statistic.

    Examples:
        >>> float(round(two_sided_t(2.0, 10.0), 6))
        0.073388
    """
    return 2.0 * special.stdtr(df, -abs(statistic))


def two_sided_normal(statistic: Numbers) -> Numbers:
    """Return the two-sided p-value of a standard normal statistic."""
    return 2.0 * special.ndtr(-abs(statistic))


def upper_normal(statistic: Numbers) -> Numbers:
    """Return the chance of a standard normal value above the statistic."""
    return special.ndtr(-statistic)


def log10_two_sided_normal(statistic: Numbers) -> Numbers:
    """Return log10 of the two-sided normal p-value; finite at any statistic.

    Examples:
        >>> round(float(log10_two_sided_normal(50.0)), 3)
        -544.665
    """
    return (special.log_ndtr(-abs(statistic)) + math.log(2.0)) / _LN10


def log10_two_sided_t(statistic: Numbers, df: Numbers, area: Numbers | None = None) -> Numbers:
    """Return log10 of the two-sided p-value of t; finite where the p-value underflows.

    Examples:
        >>> round(float(log10_two_sided_t(60.0, 1e9)), 2)
        -783.6
    """
    area = two_sided_t(statistic, df) if area is None else area
    if isinstance(area, np.ndarray):
        with np.errstate(divide="ignore", invalid="ignore"):
            logs = np.log10(area)
        for i in np.flatnonzero(area < _TINY):
            logs[i] = _log10_tail_t(float(statistic[i]), float(np.broadcast_to(df, area.shape)[i]))
        return logs
    return math.log10(area) if area > _TINY else _log10_tail_t(float(statistic), float(df))


def _log10_tail_t(statistic: float, df: float) -> float:
    """Find log10 of the two-sided tail through the continued fraction of the incomplete beta."""
    square = statistic * statistic
    a, b, x = df / 2, 0.5, df / (df + square)
    front = -a * math.log1p(square / df) + b * math.log(square / (df + square))
    log_area = front - math.log(a) - float(special.betaln(a, b)) + math.log(_beta_fraction(a, b, x))
    return log_area / _LN10


def _beta_fraction(a: float, b: float, x: float) -> float:
    """Evaluate the continued fraction of the incomplete beta (Press et al. 2007, section 6.4)."""
    c, d = 1.0, 1.0 / (1.0 - (a + b) * x / (a + 1.0))
    value = d
    for m in range(1, 10_000):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        step = 1.0
        for term in (even, odd):
            d = 1.0 / (1.0 + term * d)
            c = 1.0 + term / c
            step = c * d
            value *= step
        if abs(step - 1.0) < 1e-14:
            break
    return value


def upper_chi_square(statistic: float, df: float) -> float:
    """Return the chance of a chi-square value above the statistic.

    Examples:
        >>> round(upper_chi_square(3.841458820694124, 1), 12)
        0.05
    """
    return float(special.chdtrc(df, statistic))


def log10_upper_chi_square(statistic: float, df: float) -> float:
    """Return log10 of the upper chi-square tail; finite where the tail underflows.

    Examples:
        >>> round(log10_upper_chi_square(10_000.0, 3), 2)
        -2169.57
    """
    area = upper_chi_square(statistic, df)
    if area > _TINY:
        return math.log10(area)
    a, x = df / 2, statistic / 2
    front = a * math.log(x) - x - float(special.gammaln(a))
    return (front + math.log(_gamma_fraction(a, x))) / _LN10


def _gamma_fraction(a: float, x: float) -> float:
    """Evaluate the continued fraction of the upper incomplete gamma (Press et al. 2007, 6.2.7)."""
    b = x + 1.0 - a
    c, d = 1.0 / 1e-300, 1.0 / b
    value = d
    for i in range(1, 10_000):
        term = -i * (i - a)
        b += 2.0
        d = 1.0 / (term * d + b)
        c = b + term / c
        value *= d * c
        if abs(d * c - 1.0) < 1e-14:
            break
    return value


def critical_t(df: Numbers, alpha: float) -> Numbers:
    """Return the two-sided critical value of t."""
    return -special.stdtrit(df, alpha / 2)


def critical_normal(alpha: float) -> float:
    """Return the two-sided critical value of the standard normal.

    Examples:
        >>> round(critical_normal(0.05), 6)
        1.959964
    """
    return float(-special.ndtri(alpha / 2))
