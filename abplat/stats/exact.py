"""Exact test of two proportions, for small tables."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import special

from abplat.errors import InvalidInputError
from abplat.stats.result import Computed, NotComputable
from abplat.stats.tables import Table

FloatArray = npt.NDArray[np.float64]

EXACT_UNITS: Final = 200
"""Up to so many units per arm the exact test is used."""


def boschloo_p(table: Table) -> Computed[float]:
    """Test two proportions exactly, without conditioning on the total: for small tables.

    Why: never less powerful than Fisher's test, and its error stays below alpha at any share.
    Rule: order the tables by Fisher's one-sided p, add up the chance of all that are as extreme
    at the worst common share, and double the smaller side.

    Args:
        table: Counts and units, at most 400 units together.

    Returns:
        The two-sided p-value, or ``no_units``.

    Raises:
        InvalidInputError: With more than 400 units, where the score test serves.

    References:
        Boschloo (1970), Statistica Neerlandica 24; ``scipy.stats.boschloo_exact``.

    Examples:
        >>> round(boschloo_p(Table(7, 12, 8, 16)), 3)
        0.707
    """
    if not table.treatment_n or not table.control_n:
        return NotComputable("no_units")
    if table.treatment_n + table.control_n > 2 * EXACT_UNITS:
        raise InvalidInputError.at("n", f"must be at most {2 * EXACT_UNITS} units for the exact test")
    swapped = Table(table.control_count, table.control_n, table.treatment_count, table.treatment_n)
    return min(1.0, 2 * min(_boschloo_greater(table), _boschloo_greater(swapped)))


def _boschloo_greater(table: Table) -> float:
    """Return the one-sided p-value for "treatment is higher"."""
    fisher = _fisher_greater(table.treatment_n, table.control_n)
    seen = fisher[table.treatment_count, table.control_count]
    # Fisher's p grows with the control's count: of each row the first tables are as extreme.
    n_extreme = np.count_nonzero(fisher <= seen * (1 + 1e-10), axis=1)

    def chance(shares: FloatArray) -> FloatArray:
        left = _binomial(table.treatment_n, shares)
        right = np.cumsum(_binomial(table.control_n, shares), axis=1)
        upto = np.concatenate([np.zeros((shares.size, 1)), right], axis=1)
        return np.asarray(np.sum(left * upto[:, n_extreme], axis=1))

    grid = np.linspace(0.0, 1.0, 401)
    for _ in range(4):
        values = chance(grid)
        best = int(np.argmax(values))
        grid = np.linspace(grid[max(best - 1, 0)], grid[min(best + 1, grid.size - 1)], 41)
    return float(min(1.0, chance(grid).max()))


def _binomial(n: int, shares: FloatArray) -> FloatArray:
    """Return binomial chances, shape (shares, n + 1)."""
    k = np.arange(n + 1)
    log_ways = special.gammaln(n + 1) - special.gammaln(k + 1) - special.gammaln(n - k + 1)
    p = shares[:, None]
    return np.exp(log_ways + special.xlogy(k, p) + special.xlog1py(n - k, -p))


def _fisher_greater(n: int, m: int) -> FloatArray:
    """Return Fisher's one-sided p of every table with n and m units, shape (n + 1, m + 1)."""
    i, j = np.arange(n + 1), np.arange(m + 1)
    ways_n = special.gammaln(n + 1) - special.gammaln(i + 1) - special.gammaln(n - i + 1)
    ways_m = special.gammaln(m + 1) - special.gammaln(j + 1) - special.gammaln(m - j + 1)
    p = np.empty((n + 1, m + 1))
    for total in range(n + m + 1):
        x = np.arange(max(0, total - m), min(n, total) + 1)
        logs = ways_n[x] + ways_m[total - x]
        weights = np.exp(logs - logs.max())
        p[x, total - x] = np.cumsum(weights[::-1])[::-1] / weights.sum()
    return p
