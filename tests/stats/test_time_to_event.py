"""Planning by events: Schoenfeld's formula, its power by simulation, and the time events take."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from abplat.errors import InvalidInputError
from abplat.stats import NotComputable
from abplat.stats.planning import (
    Arrivals,
    Design,
    Monitoring,
    PastSurvival,
    count_events,
    expected_events,
    plan_events,
    power_of_events,
)

PAST = PastSurvival(tuple(0.95**day for day in range(1, 61)))


@pytest.mark.parametrize(
    ("ratio", "design", "events"),
    [
        # Schoenfeld (1981): (z_a + z_b)^2 / (p (1 - p) (log HR)^2), worked with scipy.stats.norm.ppf
        (0.5729, Design(power=0.9), 136),
        (0.5, Design(), 66),
        (2.0, Design(), 66),
        (0.5, Design(shares=(2 / 3, 1 / 3)), 74),
        (0.75, Design(sides=1, alpha=0.025), 380),
    ],
)
def test_events_are_schoenfelds(ratio: float, design: Design, events: int) -> None:
    """Published and worked examples."""
    assert count_events(ratio, design) == events


def test_looks_cost_events() -> None:
    """A group sequential design needs its inflation."""
    looks = Design(monitoring=Monitoring(kind="group_sequential", n_looks=5))

    assert count_events(0.7, Design()) < count_events(0.7, looks) < 1.1 * count_events(0.7, Design())


def test_margins_are_on_the_log_scale() -> None:
    """Equal hazards need the margin as distance; a harm beyond it has no size."""
    design = Design(margin=np.log(1.3), sides=1, alpha=0.025, direction="down")

    assert count_events(1.0, design) == count_events(1.3, Design())
    assert count_events(0.9, design) < count_events(1.0, design)
    assert count_events(1.3, design).reason == "not_reached"
    assert count_events(1.0, Design()).reason == "not_reached"
    rising = Design(margin=np.log(1.3), sides=1, alpha=0.025)
    assert count_events(1.1, rising) == pytest.approx(count_events(1 / 1.1, design), abs=1)


def test_power_is_as_planned_in_simulation() -> None:
    """3,000 seeded log-rank tests on exponential times: within 2.5 points (3 deviations and Schoenfeld)."""
    events = count_events(0.6, Design())
    rng = np.random.default_rng(1)
    z = np.array([_log_rank(rng, events // 2 + 1, 0.6) for _ in range(3_000)])

    assert np.mean(np.abs(z) > 1.959964) == pytest.approx(0.8, abs=0.025)
    assert power_of_events(events, 0.6, Design()) == pytest.approx(0.8, abs=0.005)


def _log_rank(rng: np.random.Generator, n: int, ratio: float) -> float:
    """Run a log-rank test without censoring (Mantel's hypergeometric form)."""
    times = np.concatenate([rng.exponential(1.0, n), rng.exponential(1 / ratio, n)])
    treated = (np.argsort(times, kind="stable") >= n).astype(float)
    at_risk = np.arange(2 * n, 0, -1)
    share = np.cumsum(treated[::-1])[::-1] / at_risk
    return np.sum(treated - share) / np.sqrt(np.sum(share * (1 - share)))


def test_expected_events_agree_with_simulation() -> None:
    """Entry by day and 40,000 seeded units in whole days: within half a percent of the units."""
    arrivals, design = Arrivals((400.0,) * 14), Design()
    found = expected_events(arrivals, PAST, 0.7, design, 3)
    rng = np.random.default_rng(2)
    entry = np.repeat(np.arange(21), 4_000)
    survive = 0.95 ** np.where(np.arange(entry.size) % 2 == 0, 1.0, 0.7)
    day_of_event = entry + np.ceil(np.log(rng.random(entry.size)) / np.log(survive))
    counts = [np.sum((day_of_event <= 7 * week) & (entry < 7 * week)) / 10 for week in (1, 2, 3)]

    assert found == pytest.approx(counts, rel=0.03)


def test_plan_goes_from_hazard_ratio_to_weeks() -> None:
    """The first week with enough events; a year that does not bring them is a reason."""
    arrivals = Arrivals((20.0,) * 28)
    plan = plan_events(arrivals, PAST, 1.4, Design())
    events = expected_events(arrivals, PAST, 1.4, Design(), plan.n_weeks)

    assert events[-2] < plan.n_events <= events[-1]
    assert plan.n_units == 140 * plan.n_weeks
    assert plan_events(Arrivals((0.1,) * 14), PAST, 1.1, Design()).reason == "not_reached"
    assert isinstance(plan_events(arrivals, PAST, 1.0, Design()), NotComputable)


@pytest.mark.parametrize(
    "call",
    [
        lambda: PastSurvival(()),
        lambda: PastSurvival((0.5, 0.6)),
        lambda: PastSurvival((1.5,)),
        lambda: PastSurvival((-0.5,)),
        lambda: count_events(0.0, Design()),
        lambda: count_events(1.0, Design(margin=0.1, sides=1, scale="relative")),
        lambda: power_of_events(0, 0.5, Design()),
        lambda: expected_events(Arrivals((1.0,) * 14), PAST, -1.0, Design(), 2),
    ],
)
def test_bad_input_is_refused(call: Callable[[], object]) -> None:
    """An error with a place, never NaN."""
    with pytest.raises(InvalidInputError):
        call()
