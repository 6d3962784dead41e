"""Confidence sequences: the published width, agreement of p and interval, error at daily looks."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abplat.errors import InvalidInputError
from abplat.stats.result import NotComputable
from abplat.stats.sequential import (
    ConfidenceSequencePlan,
    confidence_sequence,
    intersect_running,
    sequence_critical_values,
    sequence_log_p_values,
)

PLAN = ConfidenceSequencePlan(planned_n=10_000)
ONE_SIDED = ConfidenceSequencePlan(planned_n=10_000, sides=1)


def test_critical_values_about_the_planned_n() -> None:
    """An independent run gave 3.035 at the planned n, 3.264 at a quarter, 3.337 at twenty times."""
    found = sequence_critical_values([10_000, 2_500, 200_000], PLAN)

    assert found == pytest.approx([3.035, 3.264, 3.337], abs=5.1e-4)


def test_half_width_is_equation_9() -> None:
    """Written out from arXiv 2103.06476, equation 9, with s, n and rho."""
    s, n, alpha = 2.0, 4_000, 0.05
    rho = np.sqrt((-2 * np.log(alpha) + np.log(-2 * np.log(alpha) + 1)) / 10_000)
    written = s * np.sqrt(2 * (n * rho**2 + 1) / (n**2 * rho**2) * np.log(np.sqrt(n * rho**2 + 1) / alpha))

    assert sequence_critical_values(n, PLAN) * s / np.sqrt(n) == pytest.approx(written, rel=1e-12)


def test_the_sequence_is_tightest_about_the_planned_n() -> None:
    """The peer that tunes everybody to 5,000 pays up to 1.97 times the fixed width."""
    sizes = np.geomspace(100, 1e6, 400)
    best = sizes[np.argmin(sequence_critical_values(sizes, PLAN))]

    assert 8_000 < best < 12_500
    assert np.min(sequence_critical_values(sizes, PLAN)) / 1.959964 == pytest.approx(1.549, abs=2e-3)


@pytest.mark.parametrize("plan", [PLAN, ONE_SIDED], ids=["two-sided", "one-sided"])
@given(st.floats(-8, 8), st.floats(200, 1e6))
@settings(max_examples=50, deadline=None)
def test_p_value_and_interval_agree(plan: ConfidenceSequencePlan, z: float, n: float) -> None:
    """At or below alpha exactly when 0 is excluded."""
    critical = float(sequence_critical_values(n, plan))
    reached = z if plan.sides == 1 else abs(z)
    is_low = bool(sequence_log_p_values(z, n, plan) <= np.log(plan.alpha))

    assert is_low == (reached >= critical) or abs(reached - critical) < 1e-9


def test_one_sided_is_narrower_and_ignores_the_other_side() -> None:
    """A lower bound alone costs less; a loss is no evidence of a gain."""
    assert sequence_critical_values(10_000, ONE_SIDED) < sequence_critical_values(10_000, PLAN)
    assert sequence_log_p_values([-5.0, 0.0], 10_000, ONE_SIDED).tolist() == [0.0, 0.0]


def test_peeking_daily_keeps_the_error() -> None:
    """20,000 seeded walks, 14 looks up to the plan: an independent run gave about 1.0 %."""
    rng = np.random.default_rng(3)
    fractions = np.arange(1, 15) / 14
    walks = np.cumsum(rng.standard_normal((20_000, 14)), axis=1) / np.sqrt(np.arange(1, 15))
    rate = np.mean(np.any(np.abs(walks) >= sequence_critical_values(10_000 * fractions, PLAN), axis=1))

    assert rate == pytest.approx(0.010, abs=0.003)


def test_interval_holds_everything_a_page_needs() -> None:
    """Scalar door: ends, p-value, its logarithm and the critical value."""
    two = confidence_sequence(0.5, 0.1, (5_000, 5_000), PLAN)
    one = confidence_sequence(0.5, 0.1, (5_000, 5_000), ONE_SIDED)

    assert two.ci_upper - 0.5 == pytest.approx(0.5 - two.ci_lower)
    assert two.p_value == pytest.approx(10**two.log10_p)
    assert one.ci_upper is None
    assert one.ci_lower > two.ci_lower


def test_small_arms_have_no_answer() -> None:
    """The sequence is asymptotic: 100 units per arm before it speaks."""
    answer = confidence_sequence(0.5, 0.1, (5_000, 99), PLAN)

    assert isinstance(answer, NotComputable)
    assert answer.reason == "too_few_units"


def test_running_intersection_never_widens() -> None:
    """Lower ends only rise, upper ends only fall."""
    low, high = intersect_running([0.0, 0.5, 0.2], [3.0, 4.0, 2.0])

    assert (low.tolist(), high.tolist()) == ([0.0, 0.5, 0.5], [3.0, 3.0, 2.0])


@pytest.mark.parametrize(
    "call",
    [
        lambda: ConfidenceSequencePlan(planned_n=0),
        lambda: ConfidenceSequencePlan(planned_n=10, alpha=0.7),
        lambda: ConfidenceSequencePlan(planned_n=10, sides=4),
        lambda: ConfidenceSequencePlan(planned_n=10, least_n=0),
        lambda: sequence_critical_values([0.0], PLAN),
        lambda: sequence_log_p_values(np.nan, 10, PLAN),
        lambda: confidence_sequence(1.0, 0.0, (500, 500), PLAN),
        lambda: confidence_sequence(1.0, 1.0, (500, -1), PLAN),
    ],
)
def test_bad_input_is_refused(call: Callable[[], object]) -> None:
    """An error with a place, never NaN."""
    with pytest.raises(InvalidInputError):
        call()
