"""Run time: from the curve of new units, in whole weeks, with maturation."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from abplat.errors import InvalidInputError
from abplat.stats import NotComputable
from abplat.stats.planning import (
    Arrivals,
    Design,
    expected_looks,
    mean_outcome,
    plan_run_time,
    plan_test,
    proportion_outcome,
    tabulate_mde,
)

FADING = Arrivals((200.0,) * 7 + (100.0,) * 7)


def test_a_constant_rate_would_promise_too_much() -> None:
    """2,450 units come in three weeks at the mean rate; the fading curve never brings 3,000."""
    assert FADING.by_week(4).tolist() == [1400.0, 2100.0, 2450.0, 2625.0]
    assert plan_run_time(3_000, FADING) == NotComputable("not_reached", "52 weeks bring 2800 of 3000 units.")


def test_growth_is_not_promised() -> None:
    """Beyond the history a growing week is repeated, not grown; an empty week before too."""
    growing, late = Arrivals((10.0,) * 7 + (20.0,) * 7), Arrivals((0.0,) * 7 + (20.0,) * 7)

    assert growing.by_day(21)[14:].tolist() == [20.0] * 7
    assert late.by_week(3).tolist() == [0.0, 140.0, 280.0]


def test_weekdays_repeat_and_the_share_scales() -> None:
    """Week three has the weekdays of week two."""
    days = tuple(float(day % 7 + 1) for day in range(14))

    assert Arrivals(days, share=0.5).by_day(21)[14:].tolist() == [0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5]


def test_run_time_is_whole_weeks_and_maturation() -> None:
    """A unit counts only when its horizon is over."""
    plan = plan_run_time(1_401, FADING, maturation_days=3.5)

    assert (plan.n_weeks, plan.total_days, plan.n_units) == (2, 17.5, 2_100)
    assert not plan.is_extrapolated
    assert plan_run_time(2_101, FADING).is_extrapolated


def test_plan_of_a_test_goes_from_effect_to_weeks() -> None:
    """Size, then time; what has no size has no time."""
    plenty = Arrivals((5_000.0,) * 14)

    assert plan_test(proportion_outcome(0.1), 0.01, Design(), plenty, 7.0).total_days == 14.0
    assert plan_test(mean_outcome(0.0, 1.0), 0.0, Design(), plenty).reason == "not_reached"


def test_table_shows_what_each_week_can_see() -> None:
    """Smallest effects fall; weeks without units give a reason."""
    rows = tabulate_mde(mean_outcome(10.0, 5.0), Design(scale="relative"), FADING, 4, maturation_days=7.0)
    late = tabulate_mde(proportion_outcome(0.01), Design(), Arrivals((0.0,) * 7 + (0.3,) * 7), 2)

    assert [row.n_units for row in rows] == [1400, 2100, 2450, 2625]
    assert np.all(np.diff([row.mde for row in rows]) < 0)
    assert [row.total_days for row in rows] == [14.0, 21.0, 28.0, 35.0]
    assert (late[0].mde, late[0].reason) == (None, "no_units")


def test_table_says_where_no_effect_is_seen() -> None:
    """Six units of a rare share."""
    rows = tabulate_mde(proportion_outcome(0.97), Design(), Arrivals((1.0,) * 14), 1)

    assert (rows[0].mde, rows[0].reason) == (None, "not_reached")


def test_looks_fall_on_days() -> None:
    """Each fraction of the units on its day."""
    assert expected_looks([0.25, 0.5, 1.0], FADING, n_weeks=2) == (3, 6, 14)


@pytest.mark.parametrize(
    "call",
    [
        lambda: Arrivals((1.0,) * 13),
        lambda: Arrivals((0.0,) * 14),
        lambda: Arrivals((-1.0,) + (1.0,) * 13),
        lambda: Arrivals((1.0,) * 14, share=0.0),
        lambda: Arrivals((1.0,) * 14, share=1.1),
        lambda: plan_run_time(0, FADING),
        lambda: plan_run_time(10, FADING, maturation_days=-1.0),
        lambda: tabulate_mde(mean_outcome(0.0, 1.0), Design(), FADING, 0),
        lambda: expected_looks([1.5], FADING, 2),
    ],
)
def test_bad_input_is_refused(call: Callable[[], object]) -> None:
    """An error with a place, never NaN."""
    with pytest.raises(InvalidInputError):
        call()
