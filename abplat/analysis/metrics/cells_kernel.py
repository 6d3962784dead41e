"""The compiled sums over the customers of every cell, in one pass."""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np

_jit = nb.njit(cache=True, nogil=True)
_BLOCK = 4_096


@_jit
def add_up(cells: Any, columns: Any, shift: Any, n_cells: Any) -> Any:  # pragma: no cover -- compiled
    """Return per cell the customers, then the sums that a record of moments holds.

    Per cell: the sum of each column, the products of each pair (upper triangle, row by row), and the
    cubes of the first; all taken off ``shift``. A cell below 0 is none. Sums are made of the sums of
    blocks, so that they lose no digits however many customers there are.
    """
    k, n = columns.shape
    width = k + k * (k + 1) // 2 + 1
    counts = np.zeros(n_cells, np.int64)
    total, part = np.zeros((n_cells, width)), np.zeros((n_cells, width))
    block = max(_BLOCK, 16 * n_cells)
    centred = np.empty(k)
    for begin in range(0, n, block):
        for i in range(begin, min(begin + block, n)):
            cell = cells[i]
            if cell < 0:
                continue
            counts[cell] += 1
            for a in range(k):
                centred[a] = columns[a, i] - shift[a]
            at = k
            for a in range(k):
                part[cell, a] += centred[a]
                for b in range(a, k):
                    part[cell, at] += centred[a] * centred[b]
                    at += 1
            part[cell, at] += centred[0] * centred[0] * centred[0]
        total += part
        part[:] = 0.0
    return counts, total


@_jit
def add_columns(cells: Any, columns: Any) -> Any:  # pragma: no cover -- compiled
    """Return how many customers are in some cell, and the sum of each column over them."""
    k, n = columns.shape
    count, total = 0, np.zeros(k)
    for begin in range(0, n, _BLOCK):
        part = np.zeros(k)
        for i in range(begin, min(begin + _BLOCK, n)):
            if cells[i] >= 0:
                count += 1
                for a in range(k):
                    part[a] += columns[a, i]
        total += part
    return count, total
