"""The winner's curse: what is drawn back, by how much, and that it is right on average."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.meta_analysis import combine_effects

from abplat.errors import InvalidInputError
from abplat.stats.result import NotComputable
from abplat.stats.selection import (
    EffectHistory,
    correct_for_significance,
    expected_winners_bias,
    learn_history,
    shrink_to_history,
)


def test_history_is_dersimonian_and_laird() -> None:
    """Statsmodels combine_effects(method_re="dl")."""
    rng = np.random.default_rng(0)
    ses = rng.uniform(0.1, 0.5, 30)
    effects = rng.normal(0.2, 0.4, 30) + ses * rng.standard_normal(30)
    oracle = combine_effects(effects, ses**2, method_re="dl")
    found = learn_history(effects, ses)

    assert found.variance == pytest.approx(oracle.tau2, rel=1e-10)
    assert found.mean == pytest.approx(oracle.mean_effect_re, rel=1e-10)


def test_history_without_differences_has_no_variance() -> None:
    """Less spread than noise: tau^2 is 0 and everything shrinks to the mean."""
    history = learn_history([1.0, 1.1, 0.9], [1.0, 1.0, 1.0])

    assert history.variance == 0.0
    assert shrink_to_history([5.0], [1.0], history)[0].tolist() == pytest.approx([1.0])
    assert learn_history([1.0, 2.0], [1.0, 1.0]) == NotComputable(
        "too_few_units", "2 past experiments; needs at least 3."
    )


def test_shrunken_winners_are_right_on_average() -> None:
    """20,000 seeded experiments: plain winners are too high, shrunken ones are not."""
    rng = np.random.default_rng(6)
    true = rng.normal(0.0, 1.0, 20_000)
    seen = true + rng.standard_normal(20_000)
    won = seen > 1.96
    shrunk, _ = shrink_to_history(seen, 1.0, EffectHistory(0.0, 1.0, 100))

    assert np.mean(seen[won] - true[won]) > 1.0
    assert np.mean(shrunk[won] - true[won]) == pytest.approx(0.0, abs=0.06)


def test_corrected_estimate_solves_the_conditional_mean() -> None:
    """2,000,000 seeded draws under the corrected effect: the significant ones average to the one seen."""
    corrected = correct_for_significance(2.6, 1.0)
    draws = np.random.default_rng(1).standard_normal(2_000_000) + corrected

    assert np.mean(draws[np.abs(draws) > 1.959964]) == pytest.approx(2.6, abs=0.005)


@given(st.floats(1.97, 30), st.floats(0.01, 100))
@settings(max_examples=50, deadline=None)
def test_correction_draws_towards_zero_and_keeps_sign_and_unit(z: float, se: float) -> None:
    """Never beyond 0, never above the plain estimate."""
    corrected = correct_for_significance(z * se, se)

    assert 0 <= corrected <= z * se * (1 + 1e-12)
    assert correct_for_significance(-z * se, se) == -corrected
    assert corrected == pytest.approx(se * correct_for_significance(z, 1.0), rel=1e-6, abs=1e-9 * se)


def test_insignificant_estimates_stay() -> None:
    """There was no selection."""
    assert correct_for_significance(1.0, 1.0) == 1.0


def test_expected_bias_matches_simulation() -> None:
    """Lee and Shen (2018): with the truth for the estimate the formula is the bias of the winners' sum."""
    rng = np.random.default_rng(3)
    true, se = np.array([0.0, 0.1, 0.3]), np.array([0.1, 0.1, 0.2])
    seen = true + se * rng.standard_normal((400_000, 3))
    bias = np.mean(np.sum(np.where(seen > 1.959964 * se, seen - true, 0.0), axis=1))

    assert expected_winners_bias(true, se) == pytest.approx(bias, abs=5e-4)


@pytest.mark.parametrize(
    "call",
    [
        lambda: learn_history([1.0], [1.0, 2.0]),
        lambda: shrink_to_history([1.0], [0.0], EffectHistory(0.0, 1.0, 3)),
        lambda: correct_for_significance(1.0, 0.0),
        lambda: correct_for_significance(np.nan, 1.0),
        lambda: expected_winners_bias([1.0], [1.0], alpha=0.0),
    ],
)
def test_bad_input_is_refused(call: Callable[[], object]) -> None:
    """An error with a place, never NaN."""
    with pytest.raises(InvalidInputError):
        call()
