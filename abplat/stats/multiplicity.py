"""Many questions, one error rate: adjusted p-values."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, Literal

import numpy as np

from abplat.errors import InvalidInputError

Adjustment = Literal["holm", "hochberg", "bh", "by", "bonferroni"]

_METHODS: Final = ("holm", "hochberg", "bh", "by", "bonferroni")


def adjust_p_values(p_values: Sequence[float], method: Adjustment = "holm") -> tuple[float, ...]:
    """Adjust p-values for asking several questions of one family.

    Why: twenty questions at 5 % find something in 64 % of experiments where nothing happened. An
    adjusted p-value is compared with alpha itself.

    Args:
        p_values: One per question, each between 0 and 1.
        method: ``holm`` (any dependence), ``hochberg`` (independent or positively dependent) and
            ``bonferroni`` bound the chance of any false finding; ``bh`` and ``by`` bound the share
            of false findings (``by`` under any dependence).

    Returns:
        Adjusted p-values in the order given; empty for no question.

    Raises:
        InvalidInputError: If a p-value lies outside [0, 1] or the method is unknown.

    References:
        Holm (1979); Hochberg (1988); Benjamini, Hochberg (1995); Benjamini, Yekutieli (2001);
        the same numbers as ``statsmodels.stats.multitest.multipletests``.

    Examples:
        >>> adjust_p_values([0.01, 0.04, 0.03])
        (0.03, 0.06, 0.06)
    """
    if method not in _METHODS:
        raise InvalidInputError.at("method", f"must be one of {', '.join(_METHODS)}, got {method!r}")
    for i, p in enumerate(p_values):
        if not (math.isfinite(p) and 0 <= p <= 1):
            raise InvalidInputError.at(f"p_values[{i}]", f"must lie between 0 and 1, got {p!r}")
    m = len(p_values)
    if not m:
        return ()
    order = np.argsort(p_values, kind="stable")
    ranked = np.asarray(p_values, dtype=np.float64)[order]
    adjusted = np.empty(m)
    adjusted[order] = np.minimum(_adjust_ranked(ranked, method), 1.0)
    return tuple(adjusted.tolist())


def _adjust_ranked(
    ranked: np.ndarray[tuple[int], np.dtype[np.float64]], method: str
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Adjust p-values that are sorted upwards."""
    m = ranked.size
    rank = np.arange(1, m + 1)
    if method == "bonferroni":
        return ranked * m
    if method == "holm":
        return np.maximum.accumulate(ranked * (m - rank + 1))
    if method == "hochberg":
        return np.minimum.accumulate((ranked * (m - rank + 1))[::-1])[::-1]
    factor = float(np.sum(1.0 / rank)) if method == "by" else 1.0
    return np.minimum.accumulate((ranked * factor * m / rank)[::-1])[::-1]
