"""Permutation test of a difference of ratios between assigned clusters, with its interval.

The labels of the clusters are dealt again as the design could have dealt them. The set of effects
that the test does not reject is found in closed form, so the interval agrees with the p-value.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import combinations, product
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from abplat.stats.moments import FloatArray
from abplat.stats.result import Computed, NotComputable

MAX_EXACT: Final = 20_000
"""Up to so many ways to deal the labels all are tried; beyond, a sample of them."""

N_DRAWS: Final = 9_999
SEED: Final = 20_170_412

Labels = npt.NDArray[np.bool_]


class Permuted(NamedTuple):
    """The result of a permutation test: p-value, interval and how many ways were tried."""

    p_value: float
    ci_lower: float
    ci_upper: float
    n_permutations: int
    is_exact: bool


def permute(
    y: FloatArray, d: FloatArray, is_treated: Labels, blocks: Sequence[str], alpha: float
) -> Computed[Permuted]:
    """Test a difference of ratios by dealing the labels of the clusters again.

    Args:
        y: Sum of the outcome per cluster, shape (G,).
        d: Denominator per cluster, shape (G,), positive.
        is_treated: Label per cluster, shape (G,).
        blocks: Block per cluster; labels are dealt within blocks. Empty: one block.
        alpha: Error rate of the interval.

    Returns:
        Two-sided p-value and interval; ``too_few_clusters`` where no deal could ever be rare
        enough to exclude an effect at ``alpha``.

    References:
        Fisher (1935); Lehmann, Romano (2005), section 15.2; Phipson, Smyth (2010) for the
        sampled p-value (b + 1) / (m + 1); the interval is the inverted test (Garthwaite 1996).

    Examples:
        >>> import numpy as np
        >>> y = np.array([5.0, 6.0, 7.0, 8.0, 1.0, 2.0, 3.0, 4.0])
        >>> found = permute(y, np.ones(8), y > 4.5, (), alpha=0.1)
        >>> round(found.p_value, 4), found.n_permutations
        (0.0286, 70)
    """
    order = np.argsort(np.asarray(blocks)) if len(blocks) else np.arange(y.size)
    y, d, is_treated = y[order], d[order], is_treated[order]
    sizes = _count_blocks(
        np.asarray(blocks)[order] if len(blocks) else np.zeros(y.size, dtype=str), is_treated
    )
    ways = math.prod(math.comb(n, k) for n, k in sizes)
    deals = _deal_all(sizes, ways) if ways <= MAX_EXACT else _deal_some(sizes, is_treated)
    observed = _difference(is_treated[None, :], y, d)[0]
    found = _difference(deals, y, d)
    overlap = _difference(deals, d * is_treated, d)
    p_value = float(np.mean(np.abs(found) >= abs(observed) * (1 - 1e-12) - 1e-300))
    interval = _invert(observed, found, overlap, alpha)
    if interval is None:
        return NotComputable("too_few_clusters", f"Only {ways} ways to deal the labels.")
    return Permuted(p_value, *interval, len(deals), ways <= MAX_EXACT)


def _count_blocks(blocks: npt.NDArray[np.str_], is_treated: Labels) -> list[tuple[int, int]]:
    """Count clusters and treated clusters per block, in the order of the blocks."""
    _, code = np.unique(blocks, return_inverse=True)
    sizes = np.bincount(code)
    return list(zip(sizes.tolist(), np.bincount(code, is_treated).astype(int).tolist(), strict=True))


def _deal_all(sizes: Sequence[tuple[int, int]], ways: int) -> Labels:
    """List every way to deal the labels within blocks."""
    deals = np.zeros((ways, sum(n for n, _ in sizes)), dtype=bool)
    starts = np.cumsum([0, *(n for n, _ in sizes)])
    choices: Iterator[tuple[tuple[int, ...], ...]] = product(*(combinations(range(n), k) for n, k in sizes))
    for row, chosen in zip(deals, choices, strict=True):
        for start, places in zip(starts, chosen, strict=False):
            row[[start + place for place in places]] = True
    return deals


def _deal_some(sizes: Sequence[tuple[int, int]], is_treated: Labels) -> Labels:
    """Sample ways to deal the labels within blocks, after the one that happened."""
    rng = np.random.default_rng(SEED)
    deals = np.tile(is_treated, (N_DRAWS + 1, 1))
    start = 0
    for n, _ in sizes:
        deals[1:, start : start + n] = rng.permuted(deals[1:, start : start + n], axis=1)
        start += n
    return deals


def _difference(deals: Labels, y: FloatArray, d: FloatArray) -> FloatArray:
    """Return the difference of ratios under each deal."""
    top, bottom = deals @ y, deals @ d
    return np.asarray(top / bottom - (y.sum() - top) / (d.sum() - bottom), dtype=np.float64)


def _invert(
    observed: float, found: FloatArray, overlap: FloatArray, alpha: float
) -> tuple[float, float] | None:
    """Return the ends of the effects that the test does not reject, or None where they never end.

    After taking an effect e off the treated clusters, a deal shows ``found - e * overlap`` and the
    true one ``observed - e``. The deal is at least as far out as the true one for all e between
    the two roots below, which always lie on both sides of ``observed``.
    """
    bounded = np.abs(overlap) < 1 - 1e-12
    a, b = found[bounded], overlap[bounded]
    roots = np.sort(np.stack([(observed + a) / (1 + b), (observed - a) / (1 - b)]), axis=0)
    endless = found.size - a.size
    need = math.floor(alpha * found.size + 1e-9) + 1 - endless
    if need < 1:
        return None
    return float(np.sort(roots[0])[need - 1]), float(np.sort(roots[1])[-need])
