"""Graphs of tests: alpha starts at the goals and flows on along the arrows when one is shown.

A journey's end metric can hold all of alpha, and only if it is shown does the alpha flow to its
touchpoint metrics. Holm, fixed sequences, fallback and gatekeeping are all graphs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from abplat.errors import InvalidInputError
from abplat.stats.inputs import FloatArray, as_finite_array, require_between


@dataclass(frozen=True, slots=True)
class AlphaGraph:
    """Weights and flow of alpha between hypotheses, fixed before the start.

    Attributes:
        weights: Share of alpha each hypothesis starts with; at least 0, together at most 1.
        flow: Row i holds the shares of hypothesis i's alpha that go to each other one when i is
            shown; 0 to itself, each row at most 1 in all.

    Raises:
        InvalidInputError: If the shapes do not fit or a share is out of range.
    """

    weights: tuple[float, ...]
    flow: tuple[tuple[float, ...], ...]

    def __post_init__(self) -> None:
        weights = as_finite_array("weights", self.weights)
        flow = as_finite_array("flow", self.flow)
        if weights.size == 0 or flow.shape != (weights.size, weights.size):
            raise InvalidInputError.at("flow", "needs one row and one column per weight")
        if np.any(weights < 0) or weights.sum() > 1 + 1e-9:
            raise InvalidInputError.at("weights", "must be at least 0 and sum to at most 1")
        if np.any(flow < 0) or np.any(flow.sum(axis=1) > 1 + 1e-9) or np.any(np.diag(flow) != 0):
            raise InvalidInputError.at("flow", "rows must be at least 0, sum to at most 1, and be 0 to self")


@dataclass(frozen=True, slots=True)
class GraphResult:
    """What a graphical test showed.

    Attributes:
        rejected: Whether each hypothesis is rejected (its effect shown), in order.
        adjusted_p_values: The smallest alpha at which each would be rejected.
        order: Places of the rejected in the order in which they fell.
        last_weights: Share of alpha each held when the procedure stopped; 0 for the rejected.
    """

    rejected: tuple[bool, ...]
    adjusted_p_values: tuple[float, ...]
    order: tuple[int, ...]
    last_weights: tuple[float, ...]


def holm_graph(n_hypotheses: int) -> AlphaGraph:
    """Return the graph of Holm's procedure: equal weights, alpha flows evenly to the others.

    Args:
        n_hypotheses: Hypotheses, at least 1.

    Returns:
        The graph.

    Raises:
        InvalidInputError: If there is no hypothesis.

    References:
        Bretz, Maurer, Brannath and Posch (2009), Statistics in Medicine 28; Holm (1979).

    Examples:
        >>> holm_graph(2)
        AlphaGraph(weights=(0.5, 0.5), flow=((0.0, 1.0), (1.0, 0.0)))
    """
    if n_hypotheses < 1:
        raise InvalidInputError.at("n_hypotheses", f"must be at least 1, got {n_hypotheses!r}")
    share = 1 / max(n_hypotheses - 1, 1)
    rows = (tuple(0.0 if i == j else share for j in range(n_hypotheses)) for i in range(n_hypotheses))
    return AlphaGraph((1 / n_hypotheses,) * n_hypotheses, tuple(rows))


def gatekeeper_graph(n_goals: int, n_followers: int) -> AlphaGraph:
    """Return the graph in which goals hold all of alpha and followers get it only afterwards.

    Goals pass alpha to one another first (Holm); through an edge of weight almost 0 it reaches the
    followers only when every goal is shown. Meant for a journey's end metrics as goals and its
    touchpoint metrics as followers.

    Args:
        n_goals: Goals, at least 1; they come first.
        n_followers: Followers, at least 1.

    Returns:
        The graph over n_goals + n_followers hypotheses.

    Raises:
        InvalidInputError: If either number is below 1.

    References:
        Serial gatekeeping with epsilon edges: Bretz et al. (2009).

    Examples:
        >>> gatekeeper_graph(1, 2).flow[0]
        (0.0, 0.5, 0.5)
    """
    if min(n_goals, n_followers) < 1:
        raise InvalidInputError.at("n_goals", "needs at least one goal and one follower")
    epsilon = 1.0 if n_goals == 1 else 1e-6
    size = n_goals + n_followers
    flow = np.zeros((size, size))
    flow[:n_goals, :n_goals] = (1 - epsilon) / max(n_goals - 1, 1)
    flow[:n_goals, n_goals:] = epsilon / n_followers
    flow[n_goals:, n_goals:] = 1 / max(n_followers - 1, 1)
    np.fill_diagonal(flow, 0.0)
    weights = (1 / n_goals,) * n_goals + (0.0,) * n_followers
    return AlphaGraph(weights, tuple(tuple(row) for row in flow.tolist()))


def run_graph(p_values: npt.ArrayLike, graph: AlphaGraph, *, alpha: float = 0.05) -> GraphResult:
    """Run the sequentially rejective test of a graph; the family-wise error is at most alpha.

    The hypothesis with the smallest p-value over weight goes first; when it is rejected, its weight
    flows along its arrows and the arrows around it are joined. The outcome does not depend on the
    order.

    Args:
        p_values: P-values, shape (k,), in the order of the graph.
        graph: Weights and flow of alpha.
        alpha: Family-wise error rate.

    Returns:
        Decisions, adjusted p-values and the weights left.

    Raises:
        InvalidInputError: If there is not one p-value per hypothesis, between 0 and 1.

    References:
        Bretz, Maurer, Brannath and Posch (2009), Statistics in Medicine 28, algorithms 1 and 2.

    Examples:
        >>> result = run_graph([0.012, 0.04, 0.03], holm_graph(3))
        >>> result.rejected, [round(p, 3) for p in result.adjusted_p_values]
        ((True, False, False), [0.036, 0.06, 0.06])
    """
    p = as_finite_array("p_values", p_values)
    if p.shape != (len(graph.weights),) or np.any(p < 0) or np.any(p > 1):
        raise InvalidInputError.at("p_values", "needs one number between 0 and 1 per hypothesis")
    require_between("alpha", alpha)
    weights, flow = np.asarray(graph.weights, dtype=np.float64), np.asarray(graph.flow, dtype=np.float64)
    adjusted, open_, order = np.ones(p.size), np.ones(p.size, dtype=bool), []
    last, highest = weights, 0.0
    while np.any(open_):
        ratios = np.full(p.size, np.inf)
        np.divide(p, weights, out=ratios, where=open_ & (weights > 0))
        first = int(np.argmin(ratios))
        if not np.isfinite(ratios[first]):
            break
        highest = max(highest, min(float(ratios[first]), 1.0))
        adjusted[first] = highest
        weights, flow, open_[first] = *pass_on(weights, flow, first), False
        if highest <= alpha:
            order.append(first)
            last = weights
    rejected = tuple(k in order for k in range(p.size))
    return GraphResult(rejected, tuple(adjusted.tolist()), tuple(order), tuple(last.tolist()))


def pass_on(weights: FloatArray, flow: FloatArray, gone: int) -> tuple[FloatArray, FloatArray]:
    """Pass on the weight of a rejected hypothesis and join the arrows around it.

    Examples:
        >>> pass_on(np.array([0.5, 0.5]), np.array([[0.0, 1.0], [1.0, 0.0]]), 0)[0].tolist()
        [0.0, 1.0]
    """
    passed = weights + weights[gone] * flow[gone]
    passed[gone] = 0.0
    joined = flow + np.outer(flow[:, gone], flow[gone])
    round_trip = flow[:, gone] * flow[gone, :]
    scale = 1 - round_trip
    kept = np.divide(joined, scale[:, None], out=np.zeros_like(flow), where=scale[:, None] > 1e-15)
    np.fill_diagonal(kept, 0.0)
    kept[gone, :] = 0.0
    kept[:, gone] = 0.0
    return passed, kept
