"""Step-wise tests of treatments that share a control, against closed tests done in full."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from typing import Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import multivariate_normal, norm

from abplat.errors import InvalidInputError
from abplat.stats import (
    AlphaGraph,
    SharedControl,
    dunnett_p_values,
    gatekeeper_graph,
    holm_graph,
    run_graph,
    run_parametric_graph,
    step_down_dunnett,
)

_SCORES = st.lists(st.floats(-1.0, 4.0), min_size=3, max_size=3)


def close_in_full(z: list[float], loadings: list[float]) -> list[float]:
    """Return one-sided adjusted p-values by testing every set with scipy's multivariate normal."""
    correlation = np.outer(loadings, loadings)
    np.fill_diagonal(correlation, 1.0)
    adjusted = np.zeros(len(z))
    for count in range(1, len(z) + 1):
        for members in map(list, combinations(range(len(z)), count)):
            bound = np.full(count, max(z[i] for i in members))
            inside = multivariate_normal(cov=correlation[np.ix_(members, members)]).cdf(bound)
            adjusted[members] = np.maximum(adjusted[members], 1 - inside)
    return adjusted.tolist()


@settings(max_examples=15, deadline=None)
@given(z=_SCORES)
def test_step_down_is_the_closed_test(z: list[float]) -> None:
    """Oracle: closure over all sets with scipy.stats.multivariate_normal (Marcus, Peritz, Gabriel 1976)."""
    loadings = [0.5, 0.7, 0.8]
    found = step_down_dunnett(z, SharedControl(tuple(loadings), sides=1))

    # With unequal loadings the short cut holds each set against its full remainder, which is larger.
    assert np.all(np.asarray(found.adjusted_p_values) >= np.asarray(close_in_full(z, loadings)) - 2e-4)
    equal = step_down_dunnett(z, SharedControl((0.7,) * 3, sides=1))
    assert equal.adjusted_p_values == pytest.approx(close_in_full(z, [0.7] * 3), abs=2e-4)


@settings(max_examples=25, deadline=None)
@given(z=_SCORES, sides=st.sampled_from([1, 2]), df=st.sampled_from([None, 12.0]))
def test_step_down_is_the_parametric_graph_of_holm(
    z: list[float], sides: Literal[1, 2], df: float | None
) -> None:
    """Equal weights that flow evenly, tested with the joint distribution, are Dunnett's step-down test."""
    structure = SharedControl((0.5**0.5,) * 3, sides=sides, df=df)
    steps = step_down_dunnett(z, structure)
    graph = run_parametric_graph(z, holm_graph(3), structure)

    assert graph.adjusted_p_values == pytest.approx(steps.adjusted_p_values, rel=1e-5, abs=1e-8)


@settings(max_examples=25, deadline=None)
@given(z=_SCORES, alpha=st.sampled_from([0.01, 0.025, 0.1]))
def test_each_step_shows_more(z: list[float], alpha: float) -> None:
    """Step-down shows all that single-step and Holm show; a parametric graph all that its Bonferroni one does."""
    structure = SharedControl((0.5**0.5,) * 3, sides=1)
    steps = step_down_dunnett(z, structure, alpha=alpha)
    p = norm.sf(z)

    assert np.all(np.asarray(steps.adjusted_p_values) <= dunnett_p_values(z, structure) + 1e-12)
    assert np.all(
        np.asarray(steps.adjusted_p_values)
        <= np.asarray(run_graph(p, holm_graph(3)).adjusted_p_values) + 1e-9
    )
    for graph in (
        holm_graph(3),
        gatekeeper_graph(1, 2),
        AlphaGraph((0.6, 0.4, 0.0), ((0, 0.5, 0.5), (0.5, 0, 0.5), (0.5, 0.5, 0))),
    ):
        plain = run_graph(p, graph, alpha=alpha)
        sharp = run_parametric_graph(z, graph, structure, alpha=alpha)
        assert np.all(np.asarray(sharp.adjusted_p_values) <= np.asarray(plain.adjusted_p_values) + 1e-9)
        assert set(plain.order) <= set(sharp.order)


def test_the_graph_without_correlation_is_sidak() -> None:
    """Independent treatments: the smallest p-value of k has the chance 1 - (1 - p)^k (Sidak 1967)."""
    found = run_parametric_graph([2.0, 0.0], holm_graph(2), SharedControl((0.0, 0.0), sides=1))

    assert found.adjusted_p_values[0] == pytest.approx(1 - norm.cdf(2.0) ** 2, rel=1e-9)
    assert found.adjusted_p_values[1] == pytest.approx(max(0.5, 1 - norm.cdf(2.0) ** 2))
    assert found.order == (0,)


def test_a_follower_waits_for_its_goal() -> None:
    """A hypothesis without weight is not shown as long as the goal is not."""
    structure = SharedControl((0.5**0.5,) * 2, sides=1)

    assert run_parametric_graph([0.5, 4.0], gatekeeper_graph(1, 1), structure).order == ()
    assert run_parametric_graph([3.0, 4.0], gatekeeper_graph(1, 1), structure).order == (0, 1)


def test_the_family_error_is_kept_in_simulation() -> None:
    """One treatment works, two do not: at most 5 % of runs show one of the two; the step gains power."""
    rng = np.random.default_rng(8)
    structure = SharedControl((0.5**0.5,) * 3, sides=2)
    control = rng.normal(0, 1, (400, 1))
    z = (rng.normal(0, 1, (400, 3)) - control) / 2**0.5 + np.array([6.0, 0.0, 0.0])
    wrong = sum(any(step_down_dunnett(row, structure).rejected[1:]) for row in z)

    assert wrong / 400 < 0.05 + 3.3 * (0.05 * 0.95 / 400) ** 0.5


@pytest.mark.parametrize(
    "call",
    [
        lambda: step_down_dunnett([1.0], SharedControl((0.5, 0.5))),
        lambda: step_down_dunnett([1.0, 2.0], SharedControl((0.5, 0.5)), alpha=1.0),
        lambda: run_parametric_graph([1.0, 2.0], holm_graph(3), SharedControl((0.5, 0.5))),
        lambda: run_parametric_graph([1.0] * 13, holm_graph(13), SharedControl((0.5,) * 13)),
    ],
)
def test_bad_input_is_refused(call: Callable[[], object]) -> None:
    """By name."""
    with pytest.raises(InvalidInputError):
        call()
