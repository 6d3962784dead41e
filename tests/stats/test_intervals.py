"""Intervals that match their procedure: Holm's decisions, and coverage among the selected."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm
from scipy.stats import t as student
from statsmodels.stats.multitest import multipletests

from abplat.errors import InvalidInputError
from abplat.stats.selection import AlphaGraph, compatible_bounds, fcr_intervals, select_bh

scores = st.lists(st.floats(-3, 6), min_size=1, max_size=4)


@given(scores)
@settings(max_examples=20, deadline=None)
def test_bounds_take_holms_decisions(z: list[float]) -> None:
    """A bound reaches the null exactly where Holm rejects (statsmodels multipletests)."""
    bounds = compatible_bounds(z, np.ones(len(z)))
    reject = multipletests(norm.sf(z), 0.025, method="holm")[0]

    for bound, is_rejected in zip(bounds, reject, strict=True):
        assert bound.is_rejected == is_rejected
        assert (bound.ci_lower >= 0) == is_rejected or abs(bound.ci_lower) < 1e-9


def test_bounds_when_something_is_left_and_when_nothing_is() -> None:
    """Strassburger and Bretz (2008): null for the shown, level alpha over the rest for the others."""
    mixed = compatible_bounds([5.0, 1.0, 0.5], [1.0, 1.0, 1.0])
    every = compatible_bounds([5.0, 4.0, 2.2], [1.0, 1.0, 1.0])

    assert mixed[0].ci_lower == 0.0
    assert mixed[1].ci_lower == pytest.approx(1.0 - norm.isf(0.0125))
    assert every[0].ci_lower == pytest.approx(5.0 - norm.isf(0.025 / 3))
    assert every[2].ci_lower == 0.0


def test_bounds_move_with_the_null() -> None:
    """A margin as the null value: everything shifts with it."""
    plain = compatible_bounds([5.0, 1.0], [1.0, 1.0])
    moved = compatible_bounds([4.0, 0.0], [1.0, 1.0], null=-1.0)

    assert [b.ci_lower - 1.0 for b in plain] == pytest.approx([b.ci_lower for b in moved])


def test_effects_that_alpha_never_reached_have_no_bound() -> None:
    """A follower behind a goal that was not shown."""
    graph = AlphaGraph((1.0, 0.0), ((0.0, 1.0), (0.0, 0.0)))

    assert compatible_bounds([0.0, 9.0], [1.0, 1.0], graph)[1].ci_lower is None


def test_bounds_hold_together_in_simulation() -> None:
    """2,000 seeded families with two effects of four: all bounds right in at least 97.5 %."""
    rng = np.random.default_rng(4)
    true = np.array([0.0, 0.0, 3.0, 2.0])
    right = [
        all(b.ci_lower <= value for b, value in zip(compatible_bounds(z, np.ones(4)), true, strict=True))
        for z in rng.standard_normal((2_000, 4)) + true
    ]

    assert np.mean(right) > 0.975 - 3 * (0.025 * 0.975 / 2_000) ** 0.5


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
@settings(max_examples=30, deadline=None)
def test_selection_is_benjamini_hochberg(p: list[float]) -> None:
    """Statsmodels multipletests(method="fdr_bh")."""
    assert select_bh(p) == tuple(np.flatnonzero(multipletests(p, 0.05, method="fdr_bh")[0]).tolist())


def test_selected_intervals_exclude_zero_and_cover() -> None:
    """300 seeded lists of 60 effects: false coverage among the picked stays below 5 %."""
    rng = np.random.default_rng(8)
    misses, plain = [], []
    for _ in range(300):
        true = np.where(rng.random(60) < 0.3, rng.normal(0, 2, 60), 0.0)
        z = true + rng.standard_normal(60)
        rows = fcr_intervals(z, np.ones(60), select_bh(2 * norm.sf(np.abs(z))))
        assert all(row.ci_lower > 0 or row.ci_upper < 0 for row in rows)
        misses.append(np.mean([not row.ci_lower <= true[row.index] <= row.ci_upper for row in rows] or [0.0]))
        plain.append(np.mean([abs(row.effect - true[row.index]) > 1.96 for row in rows] or [0.0]))

    assert np.mean(misses) < 0.05 < np.mean(plain)


def test_all_selected_is_the_plain_interval_and_df_gives_student() -> None:
    """R = m leaves alpha as it is (scipy.stats.t)."""
    rows = fcr_intervals([1.0, 2.0], [0.5, 0.5], [0, 1], df=10)

    assert rows[0].ci_upper == pytest.approx(1.0 + 0.5 * student.isf(0.025, 10))
    assert fcr_intervals([1.0, 2.0], [0.5, 0.5], []) == ()


@pytest.mark.parametrize(
    "call",
    [
        lambda: select_bh([1.5]),
        lambda: select_bh([[0.5]]),
        lambda: fcr_intervals([1.0], [1.0], [1]),
        lambda: fcr_intervals([1.0, 2.0], [1.0, 1.0], [0, 0]),
        lambda: fcr_intervals([1.0], [1.0], [0], df=-1),
        lambda: compatible_bounds([1.0], [1.0], AlphaGraph((0.5, 0.5), ((0.0, 1.0), (1.0, 0.0)))),
    ],
)
def test_bad_input_is_refused(call: Callable[[], object]) -> None:
    """An error with a place, never NaN."""
    with pytest.raises(InvalidInputError):
        call()


def test_nothing_selected_from_nothing() -> None:
    """No p-values, no selection."""
    assert select_bh([]) == ()
