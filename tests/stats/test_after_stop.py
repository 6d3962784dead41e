"""Inference after a stop: agreement with the test, published cases and coverage by simulation."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from abplat.errors import InvalidInputError
from abplat.stats.result import NotComputable
from abplat.stats.sequential import (
    GroupSequentialPlan,
    StoppedTest,
    after_stop,
    infer_after_stop,
    repeated_intervals,
    set_bounds,
)

LOOKS = (0.2, 0.4, 0.6, 0.8, 1.0)
PAIRS = set_bounds(LOOKS).pairs


def stop_at(look: int, z: float, **over: Any) -> StoppedTest:
    """Make a test that ended at a look (from 1) with a given Z."""
    fields = {
        "information": tuple(100 * time for time in LOOKS[:look]),
        "earlier": PAIRS[: look - 1],
        "effect": z / (100 * LOOKS[look - 1]) ** 0.5,
    }
    return StoppedTest(**{**fields, **over})


def test_one_look_is_the_plain_test() -> None:
    """With nothing before it the stage-wise result is the z-test (scipy.stats.norm)."""
    result = infer_after_stop(stop_at(1, 2.5))
    unit = 1 / 20**0.5

    assert result.p_value == pytest.approx(2 * norm.sf(2.5), rel=1e-10)
    assert result.effect == pytest.approx(2.5 * unit, rel=1e-9)
    assert result.ci_lower == pytest.approx((2.5 - 1.959963985) * unit, rel=1e-7)
    assert result.ci_upper == pytest.approx((2.5 + 1.959963985) * unit, rel=1e-7)


def test_a_value_on_the_bound_has_the_alpha_spent_as_p_value() -> None:
    """Stage-wise order: the p-value at the bound is what was spent so far."""
    spent = set_bounds(LOOKS).alpha_spent
    for look in range(2, 6):
        at_bound = infer_after_stop(stop_at(look, PAIRS[look - 1][1]))

        assert at_bound.p_value == pytest.approx(spent[look - 1], rel=1e-8)


@given(st.integers(1, 5), st.floats(-6, 6))
@settings(max_examples=25, deadline=None)
def test_the_interval_agrees_with_the_p_value_and_holds_the_estimate(look: int, z: float) -> None:
    """0 is outside exactly when p is below alpha."""
    result = infer_after_stop(stop_at(look, z))

    assert result.ci_lower < result.effect < result.ci_upper
    if abs(result.p_value - 0.05) > 1e-6:
        assert (result.p_value < 0.05) == (result.ci_lower > 0 or result.ci_upper < 0)


@given(st.integers(1, 5), st.floats(0.01, 6))
@settings(max_examples=15, deadline=None)
def test_swapping_the_arms_negates(look: int, z: float) -> None:
    """The order of outcomes is symmetric."""
    one, other = infer_after_stop(stop_at(look, z)), infer_after_stop(stop_at(look, -z))

    assert one.p_value == pytest.approx(other.p_value, rel=1e-9)
    assert one.effect == pytest.approx(-other.effect, rel=1e-6, abs=1e-9)
    assert one.ci_lower == pytest.approx(-other.ci_upper, rel=1e-6, abs=1e-9)


def test_an_early_stop_is_drawn_back_and_the_unit_scales() -> None:
    """The median-unbiased estimate is below the plain one after an early crossing."""
    result = infer_after_stop(stop_at(3, 2.9))
    scaled = infer_after_stop(
        StoppedTest(information=tuple(time for time in LOOKS[:3]), earlier=PAIRS[:2], effect=2.9 / 0.6**0.5)
    )

    assert 0 < result.effect < result.naive_effect
    assert scaled.effect == pytest.approx(10 * result.effect, rel=1e-8)


def test_huge_effects_keep_the_logarithm_of_the_p_value() -> None:
    """Z = 60 at the first look: p underflows, its logarithm is that of scipy.stats.norm.logsf."""
    result = infer_after_stop(stop_at(1, 60.0))

    assert result.p_value == 0.0
    assert result.log10_p == pytest.approx((norm.logsf(60) + np.log(2)) / np.log(10), rel=1e-12)
    assert infer_after_stop(stop_at(2, 60.0)).ci_lower > 0


def test_one_sided_tests_have_a_lower_bound_alone() -> None:
    """One side: p is the upper tail and there is no upper end."""
    plan = GroupSequentialPlan(sides=1, alpha=0.025)
    pairs = set_bounds(LOOKS, plan).pairs
    result = infer_after_stop(stop_at(3, 2.9, earlier=pairs[:2], sides=1, alpha=0.025))

    assert result.ci_upper is None
    assert result.p_value < 0.025
    assert result.ci_lower > 0
    assert infer_after_stop(stop_at(3, -12.0, earlier=pairs[:2], sides=1)).p_value == pytest.approx(1.0)


def test_order_is_uniform_under_the_true_effect_in_simulation() -> None:
    """1,000 seeded tests: estimate too high in half, the interval right in 95 %, by 3 deviations.

    The estimate is above the truth when an outcome as high is less likely than 1/2 under the truth,
    and the interval holds the truth when it lies between 2.5 and 97.5 %: one pass, no root-finding.
    """
    rng = np.random.default_rng(5)
    times, drift, runs = np.array(LOOKS), 2.5, 1_000
    steps = np.diff(times, prepend=0.0)
    z = np.cumsum(rng.standard_normal((runs, 5)) * np.sqrt(steps) + drift * steps, axis=1) / np.sqrt(times)
    hit = np.abs(z) >= np.array([pair[1] for pair in PAIRS])
    looks = np.where(hit.any(axis=1), hit.argmax(axis=1), 4) + 1
    tests = [stop_at(int(look), float(row[look - 1])) for look, row in zip(looks, z, strict=True)]
    exits = [after_stop._walk_to_end(test, tuple(range(len(test.information)))) for test in tests]
    above = np.exp([after_stop._log_order(path, drift / 10)[0] for path in exits])

    assert np.mean(above < 0.5) == pytest.approx(0.5, abs=0.048)
    assert np.mean((above > 0.025) & (above < 0.975)) == pytest.approx(0.95, abs=0.021)
    assert np.mean([test.effect for test in tests]) > drift / 10 + 0.005


def test_over_running_adds_the_late_data_in_place_of_the_look() -> None:
    """A crossing at look 3 with 15 % more data afterwards."""
    late = stop_at(3, 2.9, information=(20.0, 40.0, 69.0), effect=0.33)

    assert infer_after_stop(late).p_value < 0.05


def test_a_look_without_new_information_has_no_result() -> None:
    """Nothing can be said about a look that added nothing."""
    assert infer_after_stop(stop_at(2, 1.0, information=(20.0, 20.0))) == NotComputable(
        "information_not_grown"
    )


@pytest.mark.parametrize(
    "over",
    [
        {"earlier": ()},
        {"information": (20.0, -1.0)},
        {"effect": np.nan},
        {"alpha": 1.0},
        {"sides": 0},
    ],
)
def test_stopped_tests_refuse_bad_parts(over: Any) -> None:
    """A record that no test can have produced."""
    with pytest.raises(InvalidInputError):
        stop_at(2, 1.0, **over)


@pytest.mark.parametrize("look", [2, 3])
def test_bounds_that_leave_nothing_are_refused(look: int) -> None:
    """Nothing could have reached the last look."""
    closed = ((1.0, 1.0), *PAIRS[1 : look - 1])
    with pytest.raises(InvalidInputError):
        infer_after_stop(stop_at(look, 1.0, earlier=closed))


def test_repeated_intervals_use_the_bound_of_each_look() -> None:
    """Effect -/+ bound x SE, and bad shapes are refused."""
    assert repeated_intervals([1.0, 2.0], [0.5, 0.25], [4.0, 2.0]) == ((-1.0, 3.0), (1.5, 2.5))
    with pytest.raises(InvalidInputError):
        repeated_intervals([1.0, 2.0], [0.5, 0.25], [4.0])
