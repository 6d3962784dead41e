"""Laws that hold for any data."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from abplat.stats import Comparison, ComparisonPlan, Moments, compare

_VALUES = st.lists(st.integers(-1000, 1000), min_size=4, max_size=25)
_SEED = st.integers(0, 2**32 - 1)


def _compare(treatment: list[float], control: list[float], plan: ComparisonPlan | None = None) -> Comparison:
    found = compare(Moments.from_values(treatment), Moments.from_values(control), plan)
    assume(isinstance(found, Comparison))
    assert isinstance(found, Comparison)
    return found


@settings(max_examples=80, deadline=None)
@given(treatment=_VALUES, control=_VALUES)
def test_swapping_the_arms_negates(treatment: list[float], control: list[float]) -> None:
    """The effect turns its sign and keeps its error and p-value."""
    one, other = _compare(treatment, control), _compare(control, treatment)

    assert one.effect == pytest.approx(-other.effect)
    assert (one.se, one.p_value) == pytest.approx((other.se, other.p_value))
    assert one.ci_lower == pytest.approx(-other.ci_upper)


@settings(max_examples=80, deadline=None)
@given(treatment=_VALUES, control=_VALUES, factor=st.sampled_from([0.01, 3.0, 1e6]))
def test_scaling_the_outcome_scales_the_effect(
    treatment: list[float], control: list[float], factor: float
) -> None:
    """Cents or euros: absolute numbers scale, relative ones and p stay."""
    one = _compare(treatment, control)
    other = _compare([factor * v for v in treatment], [factor * v for v in control])

    assert (other.effect, other.se) == pytest.approx((factor * one.effect, factor * one.se))
    assert other.p_value == pytest.approx(one.p_value, rel=1e-6)
    assert other.rel_reason == one.rel_reason or abs(one.control_value) < 1e-9
    if one.rel_reason is None and other.rel_reason is None:
        assert (other.rel_effect, other.rel_ci_upper) == pytest.approx(
            (one.rel_effect, one.rel_ci_upper), rel=1e-5
        )


@settings(max_examples=80, deadline=None)
@given(treatment=_VALUES, control=_VALUES, move=st.sampled_from([-50.0, 7.0, 1e7]))
def test_shifting_the_outcome_changes_no_difference(
    treatment: list[float], control: list[float], move: float
) -> None:
    """A constant added to both arms leaves effect, error and p-value."""
    one = _compare(treatment, control)
    other = _compare([v + move for v in treatment], [v + move for v in control])

    assert (other.effect, other.se) == pytest.approx((one.effect, one.se), rel=1e-6, abs=1e-6)


@settings(max_examples=60, deadline=None)
@given(treatment=_VALUES, control=_VALUES, constant=st.sampled_from([0.0, 1.0, 1e8, 0.1]))
def test_a_constant_covariate_is_none(treatment: list[float], control: list[float], constant: float) -> None:
    """What does not vary adjusts nothing and costs no degree of freedom."""
    one = _compare(treatment, control)
    records = [Moments.from_values(v, covariate=[constant] * len(v)) for v in (treatment, control)]
    other = compare(*records)

    assert isinstance(other, Comparison)
    assert (other.effect, other.se, other.df) == pytest.approx((one.effect, one.se, one.df))


@settings(max_examples=60, deadline=None)
@given(treatment=_VALUES, control=_VALUES, rule=st.sampled_from(["min_variance", "per_stratum"]))
def test_one_stratum_is_none(treatment: list[float], control: list[float], rule: str) -> None:
    """A single stratum changes nothing, whatever the slopes."""
    records = [Moments.from_values(v, covariate=np.arange(len(v)) ** 2) for v in (treatment, control)]
    plan = ComparisonPlan(theta_rule=rule, min_stratum_units=2)
    one, other = compare(*records, plan), compare({"a": records[0]}, {"a": records[1]}, plan)

    assert one == other


@settings(max_examples=60, deadline=None)
@given(seed=_SEED, cut=st.integers(2, 18))
def test_merged_records_compare_as_the_whole(seed: int, cut: int) -> None:
    """Days added up give the result of all rows, on whatever shift they were summed."""
    rng = np.random.default_rng(seed)
    rows = [rng.normal(1e4, 1, (20, 2)) for _ in range(2)]
    wholes = [Moments.from_values(r[:, 0], covariate=r[:, 1]) for r in rows]
    merged = [
        Moments.from_values(r[:cut, 0], covariate=r[:cut, 1], shift=(1e4, 0.0))
        + Moments.from_values(r[cut:, 0], covariate=r[cut:, 1], shift=(1e4 + 1, 1e4))
        for r in rows
    ]
    one, other = compare(*wholes), compare(*merged)

    assert isinstance(one, Comparison)
    assert isinstance(other, Comparison)
    assert (other.effect, other.se, other.p_value) == pytest.approx(
        (one.effect, one.se, one.p_value), rel=1e-6
    )


@settings(max_examples=100, deadline=None)
@given(treatment=_VALUES, control=_VALUES, alpha=st.sampled_from([0.2, 0.05, 0.001]))
def test_every_interval_agrees_with_the_test(
    treatment: list[float], control: list[float], alpha: float
) -> None:
    """The p-value is below alpha if and only if each interval excludes 0; the sign of both effects is one."""
    found = _compare(treatment, control, ComparisonPlan(alpha=alpha))
    assume(abs(found.p_value - alpha) > 1e-9)

    assert (found.p_value < alpha) == (found.ci_lower > 0 or found.ci_upper < 0)
    if found.rel_reason is None:
        assert (found.p_value < alpha) == (found.rel_ci_lower > 0 or found.rel_ci_upper < 0)
        assert np.sign(found.rel_effect) == np.sign(found.effect)
