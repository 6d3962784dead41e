"""Step-wise tests of several treatments against one control that use how they hang together.

Holm's procedure and graphs of Bonferroni tests hold for any dependence and pay for it. Treatments
that share a control are known to be correlated, and closed tests that use it show more at the same
promise: Dunnett's step-down test, and graphs with weighted tests of the smallest p-value.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, ndtri, stdtr, stdtrit

from abplat.errors import InvalidInputError
from abplat.stats.inputs import FloatArray, as_finite_array, require_between
from abplat.stats.selection.dunnett import SharedControl, chance_of_any
from abplat.stats.selection.graph import AlphaGraph, pass_on

_MOST: Final = 12
_NEVER: Final = 300.0


@dataclass(frozen=True, slots=True)
class StepwiseResult:
    """What a step-wise test of several treatments showed.

    Attributes:
        rejected: Whether each treatment is shown to differ from control, in order.
        adjusted_p_values: The smallest alpha at which each would be.
        order: Places of the rejected, from the smallest adjusted p-value.
    """

    rejected: tuple[bool, ...]
    adjusted_p_values: tuple[float, ...]
    order: tuple[int, ...]


def step_down_dunnett(z: npt.ArrayLike, structure: SharedControl, *, alpha: float = 0.05) -> StepwiseResult:
    """Test several treatments against one control step by step, from the largest effect down.

    Why: after the clearest treatment is shown, the others are held against a smaller critical value;
    it shows all that the single-step test shows, and more. Simultaneous intervals belong to the
    single-step test (:func:`simultaneous_intervals`).

    Args:
        z: Effects over standard errors, shape (k,), one per treatment.
        structure: How the comparisons hang together, one loading per treatment.
        alpha: Error rate over all treatments.

    Returns:
        Decisions and adjusted p-values.

    Raises:
        InvalidInputError: If there is not one finite number per loading.

    References:
        Dunnett and Tamhane (1991), Statistics in Medicine 10; Marcus, Peritz, Gabriel (1976) for the
        closure; R ``multcomp::summary.glht(test = adjusted("free"))``.

    Examples:
        >>> found = step_down_dunnett([3.0, 2.1, 0.4], SharedControl((0.5**0.5,) * 3))
        >>> found.rejected, [round(p, 3) for p in found.adjusted_p_values]
        ((True, False, False), [0.008, 0.066, 0.689])
    """
    score = _read_scores(z, structure)
    require_between("alpha", alpha)
    size = np.abs(score) if structure.sides == 2 else score
    adjusted, highest = np.ones(score.size), 0.0
    falling = np.argsort(-size, kind="stable")
    for step, k in enumerate(falling):
        rest = _restrict(structure, falling[step:])
        highest = max(highest, chance_of_any(size[k : k + 1], rest))
        adjusted[k] = highest
    return _lay_out(adjusted, alpha)


def run_parametric_graph(
    z: npt.ArrayLike, graph: AlphaGraph, structure: SharedControl, *, alpha: float = 0.05
) -> StepwiseResult:
    """Run a graph of tests for treatments that share a control, using their correlation.

    Rule: closed testing. Every set of hypotheses is tested by the smallest p-value over weight, with
    the weights that the graph gives to that set and the joint distribution of the treatments. It
    rejects all that :func:`run_graph` rejects when the weights of each set sum to 1.

    Args:
        z: Effects over standard errors, shape (k,), in the order of the graph; at most 12.
        graph: Weights and flow of alpha.
        structure: How the comparisons hang together, one loading per hypothesis.
        alpha: Error rate over all hypotheses.

    Returns:
        Decisions and adjusted p-values.

    Raises:
        InvalidInputError: If sizes do not fit, there are more than 12, or a number is bad.

    References:
        Bretz, Posch, Glimm, Klinglmueller, Maurer, Rohmeyer (2011), Biometrical Journal 53, sections
        3.2 and 4 (weighted parametric tests).

    Examples:
        >>> from abplat.stats.selection import holm_graph
        >>> found = run_parametric_graph([3.0, 2.1, 0.4], holm_graph(3), SharedControl((0.5**0.5,) * 3))
        >>> [round(p, 3) for p in found.adjusted_p_values]
        [0.008, 0.066, 0.689]
    """
    score = _read_scores(z, structure)
    require_between("alpha", alpha)
    if len(graph.weights) != score.size or score.size > _MOST:
        raise InvalidInputError.at("graph", f"needs one weight per effect, at most {_MOST}")
    p = _plain_p_values(score, structure)
    adjusted = np.zeros(score.size)
    for members, weights in _list_sets(graph):
        adjusted[members] = np.maximum(adjusted[members], _test_set(p, members, weights, structure))
    return _lay_out(adjusted, alpha)


def _read_scores(z: npt.ArrayLike, structure: SharedControl) -> FloatArray:
    """Read one score per treatment."""
    score = as_finite_array("z", z)
    if score.shape != (len(structure.loadings),):
        raise InvalidInputError.at("z", f"needs one number per loading, {len(structure.loadings)} of them")
    return score


def _restrict(structure: SharedControl, members: npt.ArrayLike) -> SharedControl:
    """Return the structure of some of the treatments."""
    return replace(structure, loadings=tuple(structure.loadings[i] for i in np.asarray(members).tolist()))


def _plain_p_values(score: FloatArray, structure: SharedControl) -> FloatArray:
    """Return p-values of each treatment on its own."""
    lower = -np.abs(score) if structure.sides == 2 else -score
    tail = ndtr(lower) if structure.df is None else stdtr(structure.df, lower)
    return np.asarray(structure.sides * tail)


def _list_sets(graph: AlphaGraph) -> Iterator[tuple[list[int], FloatArray]]:
    """Yield every set of hypotheses with the weights that the graph gives to it."""
    size = len(graph.weights)
    for count in range(1, size + 1):
        for members in combinations(range(size), count):
            weights, flow = np.asarray(graph.weights, float), np.asarray(graph.flow, float)
            for gone in set(range(size)) - set(members):
                weights, flow = pass_on(weights, flow, gone)
            yield list(members), weights[list(members)]


def _test_set(p: FloatArray, members: list[int], weights: FloatArray, structure: SharedControl) -> float:
    """Return the p-value of a set: the chance of a smallest p-value over weight as small as seen."""
    held = weights > 0
    if not held.any():
        return 1.0
    smallest = float(np.min(p[members][held] / weights[held]))
    levels = np.minimum(weights * smallest / structure.sides, 1.0)
    if np.any(levels * structure.sides >= 1):
        return 1.0
    quantile = ndtri(levels) if structure.df is None else stdtrit(structure.df, levels)
    bounds = np.where(held, -np.nan_to_num(quantile, neginf=-_NEVER), _NEVER)
    return min(chance_of_any(bounds, _restrict(structure, members)), 1.0)


def _lay_out(adjusted: FloatArray, alpha: float) -> StepwiseResult:
    """Lay out a result."""
    falling = np.argsort(adjusted, kind="stable").tolist()
    order = tuple(k for k in falling if adjusted[k] <= alpha)
    rejected = tuple((adjusted <= alpha).tolist())
    return StepwiseResult(rejected, tuple(adjusted.tolist()), order)
