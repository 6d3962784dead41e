"""Graphical tests against closed testing, Holm and fixed sequences."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from abplat.errors import InvalidInputError
from abplat.stats.selection import AlphaGraph, gatekeeper_graph, holm_graph, run_graph
from abplat.stats.selection.graph import pass_on

p_values = st.floats(1e-6, 1.0)
# Bretz et al. (2011), Biometrical Journal 53: two doses, two endpoints
TWO_DOSES = AlphaGraph(
    (0.5, 0.5, 0.0, 0.0),
    ((0.0, 0.5, 0.5, 0.0), (0.5, 0.0, 0.0, 0.5), (0.0, 1.0, 0.0, 0.0), (1.0, 0.0, 0.0, 0.0)),
)


def close(p: Sequence[float], graph: AlphaGraph) -> npt.NDArray[np.float64]:
    """Adjust p-values by closed testing over all intersections with the graph's weights."""
    size = len(p)
    adjusted = np.zeros(size)
    for length in range(1, size + 1):
        for subset in combinations(range(size), length):
            weights, flow = np.asarray(graph.weights), np.asarray(graph.flow)
            for gone in set(range(size)) - set(subset):
                weights, flow = pass_on(weights, flow, gone)
            with np.errstate(divide="ignore"):
                local = min(1.0, *(p[k] / weights[k] for k in subset))
            for k in subset:
                adjusted[k] = max(adjusted[k], local)
    return adjusted


@given(st.lists(p_values, min_size=1, max_size=4))
@settings(max_examples=20, deadline=None)
def test_holm_graph_is_holm(p: Sequence[float]) -> None:
    """Statsmodels multipletests(method="holm")."""
    result = run_graph(p, holm_graph(len(p)))
    reject, adjusted, _, _ = multipletests(p, 0.05, method="holm")

    assert result.adjusted_p_values == pytest.approx(adjusted.tolist(), rel=1e-9)
    assert list(result.rejected) == reject.tolist()


@given(st.lists(p_values, min_size=4, max_size=4))
@settings(max_examples=30, deadline=None)
def test_a_graph_is_the_closed_test_of_its_weights(p: Sequence[float]) -> None:
    """Bretz et al. (2009): the shortcut equals closed testing."""
    result = run_graph(p, TWO_DOSES)

    assert result.adjusted_p_values == pytest.approx(close(p, TWO_DOSES).tolist(), rel=1e-9)


def test_fixed_sequence_stops_at_the_first_failure() -> None:
    """All of alpha goes down the line."""
    graph = AlphaGraph((1.0, 0.0, 0.0), ((0.0, 1.0, 0.0), (0.0, 0.0, 1.0), (0.0, 0.0, 0.0)))
    result = run_graph([0.01, 0.2, 0.001], graph)

    assert result.rejected == (True, False, False)
    assert result.adjusted_p_values == pytest.approx((0.01, 0.2, 0.2))
    assert result.last_weights == (0.0, 1.0, 0.0)


def test_worked_decision_of_the_two_doses() -> None:
    """By hand at alpha 0.025: H1 at 0.0125; then H2 has 0.01875 and H3 0.00625, and both stay."""
    result = run_graph([0.0121, 0.0337, 0.0084, 0.0160], TWO_DOSES, alpha=0.025)

    assert result.rejected == (True, False, False, False)
    assert result.last_weights == pytest.approx((0.0, 0.75, 0.25, 0.0))
    assert result.order == (0,)


def test_touchpoints_wait_for_every_journey_metric() -> None:
    """Followers get no alpha until all goals are shown; then they share it by Holm."""
    graph = gatekeeper_graph(2, 2)
    waiting = run_graph([0.001, 0.2, 1e-5, 1e-5], graph)
    freed = run_graph([0.001, 0.03, 0.024, 0.04], graph)

    assert waiting.rejected == (True, False, False, False)
    assert freed.rejected == (True, True, True, True)
    assert freed.adjusted_p_values == pytest.approx((0.002, 0.03, 0.048, 0.048), rel=1e-4)


def test_unreachable_hypotheses_stay_at_one() -> None:
    """Alpha that nothing leads to."""
    graph = AlphaGraph((1.0, 0.0), ((0.0, 0.0), (0.0, 0.0)))

    assert run_graph([0.001, 0.0], graph).adjusted_p_values == (0.001, 1.0)
    assert run_graph([0.0], holm_graph(1)).rejected == (True,)


@pytest.mark.parametrize(
    "call",
    [
        lambda: AlphaGraph((), ()),
        lambda: AlphaGraph((0.5, 0.5), ((0.0, 1.0),)),
        lambda: AlphaGraph((0.9, 0.2), ((0.0, 1.0), (1.0, 0.0))),
        lambda: AlphaGraph((-0.1, 0.2), ((0.0, 1.0), (1.0, 0.0))),
        lambda: AlphaGraph((0.5, 0.5), ((0.5, 0.5), (1.0, 0.0))),
        lambda: AlphaGraph((0.5, 0.5), ((0.0, 1.5), (1.0, 0.0))),
        lambda: holm_graph(0),
        lambda: gatekeeper_graph(0, 2),
        lambda: run_graph([0.1], holm_graph(2)),
        lambda: run_graph([0.1, 1.5], holm_graph(2)),
        lambda: run_graph([0.1, 0.5], holm_graph(2), alpha=0.0),
    ],
)
def test_bad_input_is_refused(call: Callable[[], object]) -> None:
    """An error with a place, never NaN."""
    with pytest.raises(InvalidInputError):
        call()
