"""Touchpoint won, journey lost."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats as scipy_stats
from statsmodels.stats.multitest import multipletests

from abplat.errors import InvalidInputError
from abplat.stats import adjust_p_values, find_conflicts


@pytest.mark.parametrize(
    ("journey", "touchpoint", "state", "is_up"),
    [
        ((-0.02, 0.006), (0.05, 0.01), "conflict", True),
        ((-0.02, 0.006), (0.0, 0.01), "journey_harm", False),
        ((0.02, 0.006), (0.05, 0.01), "journey_win", True),
        ((0.002, 0.006), (0.05, 0.01), "local_win_only", True),
        ((0.002, 0.006), (0.001, 0.01), "nothing_shown", False),
    ],
)
def test_every_state_has_its_name(
    journey: tuple[float, float], touchpoint: tuple[float, float], state: str, *, is_up: bool
) -> None:
    """The five states of a touchpoint against the journey."""
    found = find_conflicts(journey, {"form": touchpoint})[0]

    assert (found.state, found.touchpoint_up) == (state, is_up)
    assert found.sentence


def test_the_larger_p_value_tests_the_and() -> None:
    """Oracle: intersection-union, max of scipy.stats.norm.sf(touchpoint) and .cdf(journey)."""
    found = find_conflicts((-0.01, 0.01), {"a": (0.05, 0.01)})[0]

    assert found.p_value == pytest.approx(scipy_stats.norm.cdf(-1.0))


def test_a_local_win_says_how_large_a_harm_is_possible() -> None:
    """The lower end of the journey's interval is the harm that cannot be excluded."""
    found = find_conflicts((0.002, 0.006), {"a": (0.05, 0.01)})[0]

    assert found.compatible_harm == pytest.approx(1.959964 * 0.006 - 0.002, abs=1e-8)
    assert "0.00976" in found.sentence
    assert find_conflicts((0.02, 0.006), {"a": (0.05, 0.01)})[0].compatible_harm == 0.0


def test_without_touchpoints_there_is_no_conflict() -> None:
    """Nothing to hold against the journey."""
    assert find_conflicts((0.0, 1.0), {}) == ()


def test_a_conflict_is_rarely_found_where_there_is_none() -> None:
    """With nothing going on, 4,000 seeded draws of five touchpoints give a conflict in below 5 %."""
    rng = np.random.default_rng(8)
    draws = rng.normal(size=(4000, 6))
    hits = [
        any(
            c.is_conflict for c in find_conflicts((row[0], 1.0), {str(i): (row[i], 1.0) for i in range(1, 6)})
        )
        for row in draws
    ]

    assert np.mean(hits) < 0.05


@pytest.mark.parametrize(
    ("method", "name"),
    [
        ("holm", "holm"),
        ("hochberg", "simes-hochberg"),
        ("bh", "fdr_bh"),
        ("by", "fdr_by"),
        ("bonferroni", "bonferroni"),
    ],
)
def test_adjusted_p_values_equal_statsmodels(method: Any, name: str) -> None:
    """Oracle: statsmodels multipletests."""
    p_values = np.random.default_rng(2).uniform(size=12) ** 2

    assert adjust_p_values(list(p_values), method) == pytest.approx(
        multipletests(p_values, method=name)[1], rel=1e-12
    )


def test_no_question_needs_no_adjustment() -> None:
    """An empty family is adjusted to an empty one."""
    assert adjust_p_values([]) == ()


@pytest.mark.parametrize(
    "call",
    [
        lambda: adjust_p_values([1.1]),
        lambda: adjust_p_values([float("nan")]),
        lambda: adjust_p_values([0.1], "sidak"),
        lambda: find_conflicts((0.0, 0.0), {}),
        lambda: find_conflicts((float("nan"), 1.0), {}),
        lambda: find_conflicts((0.0, 1.0), {"a": (1.0, -1.0)}),
        lambda: find_conflicts((0.0, 1.0), {}, alpha=1.5),
    ],
)
def test_a_wrong_call_is_refused(call: Any) -> None:
    """Numbers that cannot be are an error."""
    with pytest.raises(InvalidInputError):
        call()
