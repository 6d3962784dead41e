"""The mixture test: its integral, its interval and its error at any number of looks."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import norm

from abplat.errors import InvalidInputError
from abplat.stats.sequential import (
    MixturePlan,
    log_mixture_ratio,
    mixture_half_width,
    mixture_p_values,
    plan_mixture,
)


@pytest.mark.parametrize(("effect", "se"), [(0.0, 0.3), (0.7, 0.3), (-1.1, 0.5)])
def test_ratio_is_the_mixture_of_likelihoods(effect: float, se: float) -> None:
    """scipy.integrate.quad of N(effect; theta, se^2) over the mixing normal, by N(effect; 0, se^2)."""
    plan = MixturePlan(mixing_variance=0.2)
    mixed, _ = quad(lambda t: norm.pdf(effect, t, se) * norm.pdf(t, 0, 0.2**0.5), -10, 10, points=[0, effect])

    assert np.exp(log_mixture_ratio(effect, se, plan)) == pytest.approx(
        mixed / norm.pdf(effect, 0, se), rel=1e-8
    )


@given(st.floats(-5, 5), st.floats(0.05, 2.0), st.floats(0.01, 5.0))
@settings(max_examples=50, deadline=None)
def test_interval_agrees_with_the_ratio(effect: float, se: float, mixing: float) -> None:
    """0 is outside exactly when the ratio passes 1 / alpha."""
    plan = MixturePlan(mixing_variance=mixing)
    gap = abs(effect) - float(mixture_half_width(se, plan))
    passes = bool(log_mixture_ratio(effect, se, plan) >= -np.log(plan.alpha))

    assert passes == (gap >= 0) or abs(gap) < 1e-9


def test_p_values_never_rise() -> None:
    """The strongest evidence so far stands, row by row."""
    p = mixture_p_values([[0.5, 0.2, 0.9], [0.0, 0.0, 0.0]], 0.2, MixturePlan(mixing_variance=0.1))

    assert np.all(np.diff(p, axis=-1) <= 0)
    assert np.all(p[1] == 1.0)


def test_a_thousand_looks_keep_the_error() -> None:
    """2,000 seeded walks with 1,000 looks; the variance-following mixture of a peer has no such bound."""
    rng = np.random.default_rng(11)
    n = np.arange(1, 1_001)
    means = np.cumsum(rng.standard_normal((2_000, 1_000)), axis=1) / n
    p = mixture_p_values(means, 1 / np.sqrt(n), MixturePlan(mixing_variance=0.02))

    assert np.mean(p[:, -1] <= 0.05) < 0.05


def test_planned_mixture_is_about_the_tightest() -> None:
    """No mixing variance beats the planned one by more than a thousandth."""
    grid = [
        float(mixture_half_width(0.1, MixturePlan(mixing_variance=v))) for v in np.geomspace(1e-3, 1, 200)
    ]

    assert float(mixture_half_width(0.1, plan_mixture(0.1))) < min(grid) * 1.001


@pytest.mark.parametrize(
    "call",
    [
        lambda: MixturePlan(mixing_variance=0.0),
        lambda: MixturePlan(mixing_variance=1.0, alpha=0),
        lambda: plan_mixture(-1.0),
        lambda: log_mixture_ratio(1.0, 0.0, MixturePlan(mixing_variance=1.0)),
        lambda: mixture_half_width(np.inf, MixturePlan(mixing_variance=1.0)),
    ],
)
def test_bad_input_is_refused(call: Callable[[], object]) -> None:
    """An error with a place, never NaN."""
    with pytest.raises(InvalidInputError):
        call()
