"""Slopes of several covariates: small symmetric systems, solved with pivots.

A covariate that does not vary, or that the others explain, has no slope of its own. It is dropped
(its slope is 0 and it spends no degree of freedom) rather than given an arbitrary one.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from abplat.stats.tails import Numbers

_EXPLAINED: Final = 1e-10


def divide(top: Numbers, bottom: Numbers, floor: Numbers = 0.0) -> Numbers:
    """Divide, with 0 where the divisor is not above its floor.

    Examples:
        >>> divide(1.0, 4.0), divide(1.0, 0.0)
        (0.25, 0.0)
    """
    if isinstance(bottom, np.ndarray):
        return np.divide(top, bottom, out=np.zeros_like(bottom), where=bottom > floor)
    return top / bottom if bottom > floor else 0.0


def solve_rows(bottom: list[list[Numbers]], top: list[Numbers], noise: list[Numbers]) -> list[Numbers]:
    """Solve small symmetric systems, one per row, dropping dependent covariates by pivoting."""
    if not isinstance(top[0], np.ndarray):
        return solve_pivoted(bottom, top, noise)
    size = top[0].size
    rows = [solve_pivoted(_pick(bottom, r), _row(top, r), _row(noise, r)) for r in range(size)]
    return list(np.array(rows).T)


def find_dependent(bottom: list[list[Numbers]], noise: list[Numbers], row: int = 0) -> list[bool]:
    """Tell which covariates do not vary or are explained by the others, in one row.

    Examples:
        >>> find_dependent([[4.0, 2.0], [2.0, 1.0]], [0.0, 0.0])
        [False, True]
    """
    matrix, floor = _pick(bottom, row), _row(noise, row)
    return [i not in _eliminate([[*line] for line in matrix], floor) for i in range(len(matrix))]


def solve_pivoted(bottom: list[list[float]], top: list[float], noise: list[float]) -> list[float]:
    """Solve one system with diagonal pivots (Cholesky's order); a dependent covariate gets 0.

    Args:
        bottom: Symmetric matrix of the covariates' products.
        top: Their products with the outcome.
        noise: Variance below which a covariate is constant but for rounding.

    Returns:
        One slope per covariate.

    References:
        Higham (2002), Accuracy and Stability of Numerical Algorithms, section 10.3.

    Examples:
        >>> solve_pivoted([[2.0, 0.0], [0.0, 4.0]], [2.0, 2.0], [0.0, 0.0])
        [1.0, 0.5]
    """
    matrix = [[*row, right] for row, right in zip(bottom, top, strict=True)]
    used = _eliminate(matrix, noise)
    return [matrix[i][-1] / matrix[i][i] if i in used else 0.0 for i in range(len(top))]


def _eliminate(matrix: list[list[float]], noise: list[float]) -> list[int]:
    """Eliminate in place by the largest pivot left; return the covariates that had one."""
    size = len(matrix)
    whole = [matrix[i][i] for i in range(size)]
    floor = [max(_EXPLAINED * whole[i], noise[i]) for i in range(size)]
    left, used = list(range(size)), []
    while left:
        best = max(left, key=lambda i: matrix[i][i] / whole[i] if whole[i] > 0 else 0.0)
        left.remove(best)
        if not matrix[best][best] > floor[best]:
            continue
        used.append(best)
        for i in range(size):
            if i != best:
                factor = matrix[i][best] / matrix[best][best]
                matrix[i] = [a - factor * b for a, b in zip(matrix[i], matrix[best], strict=True)]
    return used


def _pick(matrix: list[list[Numbers]], row: int) -> list[list[float]]:
    """Return one row's matrix out of a matrix of arrays (or of floats)."""
    return [_row(line, row) for line in matrix]


def _row(values: list[Numbers], row: int) -> list[float]:
    """Return one row's numbers out of arrays (or floats)."""
    return [float(v[row]) if isinstance(v, np.ndarray) else float(v) for v in values]
