"""Proportions: score and other intervals for the difference, exact tests for small tables.

The normal interval fails exactly where a table is small or a share is near 0 or 1. The score
interval of Miettinen and Nurminen inverts its own test and holds its coverage there. It is
written out here because the difference score of the common library divides by the wrong count.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from abplat.errors import InvalidInputError
from abplat.stats.result import Computed, NotComputable
from abplat.stats.tables import Table
from abplat.stats.tails import critical_normal, two_sided_normal

ProportionMethod = Literal["score", "newcombe", "agresti_caffo", "pooled_z"]


@dataclass(frozen=True, slots=True)
class ProportionInterval:
    """An interval for a difference or a ratio of proportions.

    Attributes:
        effect: Treatment less control, or treatment over control less 1.
        ci_lower: Lower end.
        ci_upper: Upper end.
        method: Which interval.
    """

    effect: float
    ci_lower: float
    ci_upper: float
    method: str


def proportion_interval(
    table: Table, method: ProportionMethod = "score", alpha: float = 0.05
) -> Computed[ProportionInterval]:
    """Give an interval for the difference of two proportions.

    Args:
        table: Counts and units of both arms.
        method: ``score`` (Miettinen-Nurminen), ``newcombe``, ``agresti_caffo`` or ``pooled_z``
            (the plain normal interval with the pooled standard error; to reproduce others).
        alpha: Two-sided error rate.

    Returns:
        The interval for treatment less control, as a share; ``no_units`` for an empty arm.

    Raises:
        InvalidInputError: If the method is unknown or alpha lies outside (0, 1).

    References:
        Miettinen, Nurminen (1985), Statistics in Medicine 4, eq. 8-9; Newcombe (1998), Statistics
        in Medicine 17, method 10; Agresti, Caffo (2000), The American Statistician 54.

    Examples:
        >>> found = proportion_interval(Table(7, 34, 1, 34))
        >>> round(found.ci_lower, 4), round(found.ci_upper, 4)
        (0.027, 0.3453)
    """
    if not 0 < alpha < 1:
        raise InvalidInputError.at("alpha", f"must lie between 0 and 1, got {alpha!r}")
    if method not in _INTERVALS:
        raise InvalidInputError.at("method", f"must be one of {', '.join(_INTERVALS)}, got {method!r}")
    if not table.treatment_n or not table.control_n:
        return NotComputable("no_units")
    lower, upper = _INTERVALS[method](table, critical_normal(alpha))
    return ProportionInterval(table.treatment_rate - table.control_rate, lower, upper, method)


def _newcombe(table: Table, z: float) -> tuple[float, float]:
    """Combine the Wilson intervals of both shares (Newcombe 1998, method 10)."""
    p, q = table.treatment_rate, table.control_rate
    low_p, high_p = _wilson(p, table.treatment_n, z)
    low_q, high_q = _wilson(q, table.control_n, z)
    gap = p - q
    return gap - math.hypot(p - low_p, high_q - q), gap + math.hypot(high_p - p, q - low_q)


def _wilson(p: float, n: int, z: float) -> tuple[float, float]:
    """Give Wilson's interval of one share."""
    centre = p + z * z / (2 * n)
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    size = 1 + z * z / n
    return (centre - half) / size, (centre + half) / size


def _agresti_caffo(table: Table, z: float) -> tuple[float, float]:
    """Add one success and one failure to each arm (Agresti, Caffo 2000)."""
    n, m = table.treatment_n + 2, table.control_n + 2
    p, q = (table.treatment_count + 1) / n, (table.control_count + 1) / m
    half = z * math.sqrt(p * (1 - p) / n + q * (1 - q) / m)
    return max(-1.0, p - q - half), min(1.0, p - q + half)


def _pooled(table: Table, z: float) -> tuple[float, float]:
    """Give the normal interval with the pooled standard error."""
    gap = table.treatment_rate - table.control_rate
    half = z * _pooled_se(table)
    return gap - half, gap + half


def _pooled_se(table: Table) -> float:
    """Return the standard error of the difference if both arms were alike."""
    n, m = table.treatment_n, table.control_n
    p = (table.treatment_count + table.control_count) / (n + m)
    return math.sqrt(p * (1 - p) * (1 / n + 1 / m))


def _score(table: Table, z: float) -> tuple[float, float]:
    """Invert the score test of the difference (Miettinen, Nurminen 1985)."""
    gap = table.treatment_rate - table.control_rate
    return (
        _cross(lambda d: score_statistic(table, d) - z, -1.0 + 1e-13, gap),
        _cross(lambda d: score_statistic(table, d) + z, gap, 1.0 - 1e-13),
    )


def _cross(distance: Callable[[float], float], low: float, high: float) -> float:
    """Find where a falling function crosses 0 by halving; it may be infinite at its ends."""
    if high - low < 1e-12:
        return low
    for _ in range(200):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        if distance(middle) > 0:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def score_statistic(table: Table, difference: float) -> float:
    """Return the Miettinen-Nurminen z of a difference: observed less assumed over its own error.

    Args:
        table: Counts and units of both arms, neither empty.
        difference: The difference assumed, between -1 and 1.

    Returns:
        The statistic; infinite where the assumed difference is impossible for the data.

    References:
        Miettinen, Nurminen (1985), eq. 8 with the constrained estimates of their appendix I.

    Examples:
        >>> round(score_statistic(Table(7, 34, 1, 34), 0.0), 4)
        2.2417
    """
    n, m = table.treatment_n, table.control_n
    gap = table.treatment_rate - table.control_rate - difference
    q = constrained_rate((table.treatment_count, n, table.control_count, m), difference)
    p = min(1.0, max(0.0, q + difference))
    variance = (p * (1 - p) / n + q * (1 - q) / m) * (n + m) / (n + m - 1)
    if variance <= 0:
        return math.copysign(math.inf, gap) if gap else 0.0
    return gap / math.sqrt(variance)


def constrained_rate(counts: tuple[float, float, float, float], d: float) -> float:
    """Return the most likely control share if the difference is d: the root of a cubic.

    Args:
        counts: Count and units of treatment, then of control; expected ones may be broken numbers.
        d: Treatment less control under the null.

    Examples:
        >>> round(constrained_rate((30.0, 100.0, 20.0, 100.0), 0.0), 6)
        0.25
    """
    x, n, y, m = counts
    total = n + m
    l2 = (n + 2 * m) * d - total - (x + y)
    l1 = (m * d - total - 2 * y) * d + x + y
    l0 = y * d * (1 - d)
    q = (l2 / (3 * total)) ** 3 - l1 * l2 / (6 * total * total) + l0 / (2 * total)
    inside = (l2 / (3 * total)) ** 2 - l1 / (3 * total)
    p = math.copysign(math.sqrt(max(inside, 0.0)), q)
    turn = 0.0 if p == 0 else max(-1.0, min(1.0, q / p**3))
    angle = (math.pi + math.acos(turn)) / 3
    rate = 2 * p * math.cos(angle) - l2 / (3 * total)
    return float(np.clip(rate, max(0.0, -d), min(1.0, 1.0 - d)))


_INTERVALS: Final[dict[str, Callable[[Table, float], tuple[float, float]]]] = {
    "score": _score,
    "newcombe": _newcombe,
    "agresti_caffo": _agresti_caffo,
    "pooled_z": _pooled,
}


def ratio_interval(table: Table, alpha: float = 0.05) -> Computed[ProportionInterval]:
    """Give the score interval for the relative difference of two proportions.

    Why: it inverts the same test as the score interval of the difference, so both exclude 0
    together; it needs no logarithm of a zero count.

    Args:
        table: Counts and units of both arms.
        alpha: Two-sided error rate.

    Returns:
        Treatment over control less 1, with its interval; ``zero_baseline`` where control is 0.

    Raises:
        InvalidInputError: By ``Table``, for numbers that are no counts.

    References:
        Miettinen, Nurminen (1985), eq. 10-12; closed form of Farrington, Manning (1990).

    Examples:
        >>> found = ratio_interval(Table(7, 34, 1, 34))
        >>> round(found.ci_lower, 3)
        0.209
    """
    if not table.treatment_n or not table.control_n:
        return NotComputable("no_units")
    if not table.control_count:
        return NotComputable("zero_baseline")
    z, point = critical_normal(alpha), table.treatment_rate / table.control_rate
    lower = 0.0
    if table.treatment_count:
        lower = math.exp(
            _cross(lambda v: score_statistic_of_ratio(table, math.exp(v)) - z, -50.0, math.log(point))
        )
    start = math.log(point) if point else -50.0
    upper = math.exp(_cross(lambda v: score_statistic_of_ratio(table, math.exp(v)) + z, start, 50.0))
    return ProportionInterval(point - 1, lower - 1, upper - 1, "score")


def score_statistic_of_ratio(table: Table, ratio: float) -> float:
    """Return the score z of an assumed ratio of shares."""
    n, m = table.treatment_n, table.control_n
    q = constrained_rate_of_ratio((table.treatment_count, n, table.control_count, m), ratio)
    p = min(1.0, q * ratio)
    variance = (p * (1 - p) / n + ratio**2 * q * (1 - q) / m) * (n + m) / (n + m - 1)
    gap = table.treatment_rate - ratio * table.control_rate
    if variance <= 0:
        return math.copysign(math.inf, gap) if gap else 0.0
    return gap / math.sqrt(variance)


def constrained_rate_of_ratio(counts: tuple[float, float, float, float], ratio: float) -> float:
    """Return the most likely control share if treatment is a multiple of it: the root of a quadratic.

    Args:
        counts: Count and units of treatment, then of control; expected ones may be broken numbers.
        ratio: Treatment over control under the null.

    Examples:
        >>> round(constrained_rate_of_ratio((30.0, 100.0, 20.0, 100.0), 1.0), 6)
        0.25
    """
    x, n, y, m = counts
    a, b, c = (n + m) * ratio, n * ratio + x + m + y * ratio, x + y
    return 2 * c / (b + math.sqrt(max(b * b - 4 * a * c, 0.0)))


def pooled_z_test(table: Table) -> Computed[tuple[float, float]]:
    """Test two proportions with the pooled normal test that textbooks and peers report.

    Args:
        table: Counts and units of both arms.

    Returns:
        z (positive when treatment is higher) and its two-sided p-value, or ``no_units``, or
        ``zero_variance`` where nobody or everybody did it.

    Raises:
        InvalidInputError: By ``Table``, for numbers that are no counts.

    References:
        Pearson (1900); statsmodels ``proportions_ztest`` gives the same.

    Examples:
        >>> z, p = pooled_z_test(Table(235, 2435, 157, 2435))
        >>> round(z, 3), f"{p:.2e}"
        (4.108, '3.98e-05')
    """
    if not table.treatment_n or not table.control_n:
        return NotComputable("no_units")
    se = _pooled_se(table)
    if se == 0:
        return NotComputable("zero_variance")
    z = (table.treatment_rate - table.control_rate) / se
    return z, float(two_sided_normal(z))
