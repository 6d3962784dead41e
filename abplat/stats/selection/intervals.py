"""Intervals that match a selection: Holm and its kin, and Benjamini-Hochberg.

An interval invented from an adjusted p-value says nothing true. These are the intervals whose
decisions are those of the procedure (Holm, or any graph of Bonferroni tests), and those whose rate
of errors among the effects that were picked stays at alpha (after Benjamini-Hochberg).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, ndtri, stdtrit

from abplat.errors import InvalidInputError
from abplat.stats.inputs import as_finite_array, as_pair_of_rows, require_between
from abplat.stats.selection.graph import AlphaGraph, holm_graph, run_graph


@dataclass(frozen=True, slots=True)
class CompatibleBound:
    """A lower bound that agrees with a step-wise test.

    Attributes:
        effect: Estimate.
        ci_lower: Lower confidence bound; all bounds of the family hold together. At the null value
            exactly, it says "above the null, by nobody knows how much". None where alpha never
            reached the effect: nothing can be said.
        is_rejected: Whether the procedure shows the effect to be above the null.
    """

    effect: float
    ci_lower: float | None
    is_rejected: bool


@dataclass(frozen=True, slots=True)
class SelectedInterval:
    """An interval of an effect that was picked out of many.

    Attributes:
        index: Place of the effect among all that were looked at.
        effect: Estimate.
        ci_lower: Lower end.
        ci_upper: Upper end.
    """

    index: int
    effect: float
    ci_lower: float
    ci_upper: float


def compatible_bounds(
    effects: npt.ArrayLike,
    ses: npt.ArrayLike,
    graph: AlphaGraph | None = None,
    *,
    alpha: float = 0.025,
    null: float = 0.0,
) -> tuple[CompatibleBound, ...]:
    """Return simultaneous lower bounds whose decisions are those of Holm's or a graphical test.

    Effects that are shown get the null value itself as their bound as long as anything is left
    unshown (the price of Holm's power); what is not shown gets a bound at the level it was tested
    at last. When all are shown, each gets the better of the null and its bound at its first level.

    Args:
        effects: Estimates, shape (k,); higher is better.
        ses: Standard errors, shape (k,).
        graph: Weights and flow of alpha; Holm's equal weights if None.
        alpha: One-sided error rate over the family.
        null: Value that an effect must be shown to exceed (minus the margin, for guardrails).

    Returns:
        One bound per effect, in order.

    Raises:
        InvalidInputError: If the shapes differ or a number is bad.

    References:
        Strassburger and Bretz (2008), Statistics in Medicine 27; Guilbaud (2008);
        for graphs: Bretz, Maurer, Brannath and Posch (2009).

    Examples:
        >>> bounds = compatible_bounds([3.0, 2.1, 0.5], [1.0, 1.0, 1.0])
        >>> [(round(bound.ci_lower, 2), bound.is_rejected) for bound in bounds]
        [(0.0, True), (-0.14, False), (-1.74, False)]
    """
    effect, se = as_pair_of_rows(effects, ses)
    used = graph or holm_graph(effect.size)
    if len(used.weights) != effect.size:
        raise InvalidInputError.at("graph", "needs one weight per effect")
    result = run_graph(ndtr(-(effect - null) / se), used, alpha=alpha)
    is_complete = all(result.rejected)
    levels = np.asarray(used.weights if is_complete else result.last_weights) * alpha
    marginal = effect + ndtri(np.maximum(levels, 1e-300)) * se
    shown = np.maximum(marginal, null) if is_complete else np.full(effect.size, null)
    ends = np.where(result.rejected, shown, marginal)
    is_known = (levels > 0) | np.asarray(result.rejected)
    rows = zip(effect.tolist(), ends.tolist(), result.rejected, is_known.tolist(), strict=True)
    return tuple(CompatibleBound(value, end if known else None, hit) for value, end, hit, known in rows)


def select_bh(p_values: npt.ArrayLike, alpha: float = 0.05) -> tuple[int, ...]:
    """Return the places of the effects that Benjamini-Hochberg picks.

    Args:
        p_values: P-values, shape (m,).
        alpha: False discovery rate.

    Returns:
        Places in rising order; may be empty.

    Raises:
        InvalidInputError: If a p-value is outside 0 to 1.

    References:
        Benjamini and Hochberg (1995), JRSS B 57.

    Examples:
        >>> select_bh([0.001, 0.5, 0.02])
        (0, 2)
    """
    p = as_finite_array("p_values", p_values)
    if p.ndim != 1 or np.any(p < 0) or np.any(p > 1):
        raise InvalidInputError.at("p_values", "needs a row of numbers between 0 and 1")
    limits = require_between("alpha", alpha) * np.arange(1, p.size + 1) / max(p.size, 1)
    passed = np.flatnonzero(np.sort(p) <= limits)
    if passed.size == 0:
        return ()
    return tuple(np.flatnonzero(p <= np.sort(p)[passed[-1]]).tolist())


def fcr_intervals(
    effects: npt.ArrayLike,
    ses: npt.ArrayLike,
    selected: Sequence[int],
    *,
    alpha: float = 0.05,
    df: npt.ArrayLike | None = None,
) -> tuple[SelectedInterval, ...]:
    """Return intervals for picked effects, of which at most alpha are expected to be wrong.

    Plain intervals of the winners of a long list miss far more often than they say. With R of m
    picked, intervals at level 1 - R alpha / m keep the false coverage rate at alpha; after
    Benjamini-Hochberg at the same alpha they also exclude 0.

    Args:
        effects: All estimates that were looked at, shape (m,).
        ses: Their standard errors, shape (m,).
        selected: Places of those picked, such as from :func:`select_bh`.
        alpha: False coverage rate.
        df: Degrees of freedom, one or shape (m,); normal if None.

    Returns:
        One interval per picked effect, in the order given; empty if none was picked.

    Raises:
        InvalidInputError: If a place is unknown or double, or a number is bad.

    References:
        Benjamini and Yekutieli (2005), JASA 100: intervals at 1 - R alpha / m.

    Examples:
        >>> fcr_intervals([3.0, 0.1, 0.2, 0.3], [1.0] * 4, [0])[0].ci_lower.__round__(3)
        0.502
    """
    effect, se = as_pair_of_rows(effects, ses)
    chosen = list(selected)
    if len(set(chosen)) != len(chosen) or not set(chosen) <= set(range(effect.size)):
        raise InvalidInputError.at("selected", f"needs places 0 to {effect.size - 1}, each once")
    tail = require_between("alpha", alpha) * len(chosen) / effect.size / 2
    if not chosen:
        return ()
    if df is None:
        margin = np.full(effect.size, -float(ndtri(tail)))
    else:
        freedom = as_finite_array("df", df, positive=True)
        margin = np.broadcast_to(-stdtrit(freedom, tail), effect.shape)
    ends = ((k, float(effect[k]), float(margin[k] * se[k])) for k in chosen)
    return tuple(SelectedInterval(k, value, value - half, value + half) for k, value, half in ends)
