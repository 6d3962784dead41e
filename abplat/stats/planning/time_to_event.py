"""Planning for time to an event: the events carry the information, and time brings the events."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from abplat.errors import InvalidInputError
from abplat.stats.inputs import FloatArray, as_finite_array, require_positive
from abplat.stats.planning.design import Design, needed_drift, power_of_drift
from abplat.stats.planning.run_time import MAX_WEEKS, Arrivals
from abplat.stats.result import Computed, NotComputable


@dataclass(frozen=True, slots=True)
class PastSurvival:
    """The Kaplan-Meier curve of history by whole days since entry.

    Attributes:
        by_day: Share without the event at the end of day 1, 2...; never rising, between 0 and 1.
            After its last day it stays as it is: nothing is promised beyond what was seen.

    Raises:
        InvalidInputError: If the curve is empty, rises or leaves 0 to 1.
    """

    by_day: tuple[float, ...]

    def __post_init__(self) -> None:
        curve = as_finite_array("by_day", self.by_day)
        is_bad = curve.size == 0 or np.any(curve < 0) or np.any(curve > 1) or np.any(np.diff(curve) > 1e-12)
        if is_bad:
            raise InvalidInputError.at("by_day", "needs shares between 0 and 1 that never rise")

    def event_share(self, n_days: int, hazard_ratio: float = 1.0) -> FloatArray:
        """Return the share with the event after 0, 1, 2... days, shape (n_days + 1,).

        Args:
            n_days: Days wanted.
            hazard_ratio: Of an arm against history (proportional hazards: S^ratio).

        Examples:
            >>> PastSurvival((0.9, 0.81)).event_share(3).round(2).tolist()
            [0.0, 0.1, 0.19, 0.19]
        """
        curve = np.concatenate([[1.0], np.asarray(self.by_day, dtype=np.float64)])
        places = np.minimum(np.arange(n_days + 1), curve.size - 1)
        return np.asarray(1 - curve[places] ** hazard_ratio)


@dataclass(frozen=True, slots=True)
class EventPlan:
    """How long a test of a time to event must run.

    Attributes:
        n_events: Events needed, both arms together.
        n_weeks: Weeks until they are expected, entry and waiting together.
        n_units: Units that will have entered.
        expected_events: Events expected by then.
    """

    n_events: int
    n_weeks: int
    n_units: int
    expected_events: float


def count_events(hazard_ratio: float, design: Design) -> Computed[int]:
    """Return the events that a log-rank test needs, control and one treatment together.

    Args:
        hazard_ratio: Of treatment against control, above 0 (above 1: sooner).
        design: The test; ``margin`` is a hazard ratio's distance on the log scale.

    Returns:
        Events, or NotComputable (``not_reached``) for a ratio that cannot be told from the null.

    Raises:
        InvalidInputError: If the ratio is not above 0, or the scale is relative with a margin.

    References:
        Schoenfeld (1981), Biometrika 68: d = (z_a + z_b)^2 / (p (1 - p) (log HR)^2).

    Examples:
        >>> count_events(0.5, Design())
        66
        >>> count_events(0.7, Design(power=0.9))
        331
    """
    distance = _log_distance(hazard_ratio, design)
    if distance <= 0:
        return NotComputable("not_reached", "The hazard ratio cannot be told from the null.")
    return math.ceil(round(needed_drift(design) ** 2 / (_split(design) * distance**2), 9))


def power_of_events(n_events: float, hazard_ratio: float, design: Design) -> float:
    """Return the power of a log-rank test with a number of events.

    Args:
        n_events: Events of control and one treatment together.
        hazard_ratio: Of treatment against control.
        design: The test.

    Returns:
        Power between 0 and 1.

    Raises:
        InvalidInputError: If a number is bad.

    References:
        Schoenfeld (1981).

    Examples:
        >>> round(power_of_events(66, 0.5, Design()), 3)
        0.804
    """
    information = require_positive("n_events", n_events) * _split(design)
    return power_of_drift(_log_distance(hazard_ratio, design) * math.sqrt(information), design)


def _log_distance(hazard_ratio: float, design: Design) -> float:
    """Return how far the log hazard ratio is from the null, towards being shown."""
    effect = math.log(require_positive("hazard_ratio", hazard_ratio))
    if design.margin is None:
        return abs(effect)
    if design.scale == "relative":
        raise InvalidInputError.at("scale", "the margin of a hazard ratio is absolute, on the log scale")
    return (effect if design.direction == "up" else -effect) + design.margin


def _split(design: Design) -> float:
    """Return p (1 - p) for the shares of control and a treatment among the two."""
    share = design.treatment_share / (design.treatment_share + design.shares[0])
    return share * (1 - share)


def expected_events(
    arrivals: Arrivals, past: PastSurvival, hazard_ratio: float, design: Design, n_weeks: int
) -> FloatArray:
    """Return the events expected in control and one treatment after each whole week.

    Units enter all the time; each has had as many days as passed since its entry.

    Args:
        arrivals: History of new units by day.
        past: Kaplan-Meier curve of history, taken for control.
        hazard_ratio: Of treatment against control.
        design: The test, for its shares.
        n_weeks: Weeks wanted.

    Returns:
        Cumulative events, shape (n_weeks,).

    Raises:
        InvalidInputError: If a number is bad.

    References:
        Convolution of entry with the event curve: Lachin and Foulkes (1986), Biometrics 42.

    Examples:
        >>> past = PastSurvival((0.5,))
        >>> expected_events(Arrivals((10.0,) * 14), past, 1.0, Design(), 2).round(6).tolist()
        [35.0, 70.0]
    """
    days = 7 * n_weeks
    entry = arrivals.by_day(days)
    control, treated = (
        past.event_share(days),
        past.event_share(days, require_positive("hazard_ratio", hazard_ratio)),
    )
    curve = design.shares[0] * control + design.treatment_share * treated
    return np.asarray(np.convolve(entry, curve[1:])[:days][6::7])


def plan_events(
    arrivals: Arrivals, past: PastSurvival, hazard_ratio: float, design: Design
) -> Computed[EventPlan]:
    """Return how long a test of a time to event must run to show a hazard ratio.

    Args:
        arrivals: History of new units by day.
        past: Kaplan-Meier curve of history.
        hazard_ratio: Of treatment against control.
        design: The test.

    Returns:
        Events and weeks, or NotComputable (``not_reached``) if a year does not bring them.

    Raises:
        InvalidInputError: If a number is bad.

    References:
        Schoenfeld (1981) for the events; Lachin and Foulkes (1986) for the time.

    Examples:
        >>> past = PastSurvival(tuple(0.97**day for day in range(1, 29)))
        >>> plan_events(Arrivals((20.0,) * 28), past, 1.3, Design()).n_weeks
        7
    """
    needed = count_events(hazard_ratio, design)
    if isinstance(needed, NotComputable):
        return needed
    events = expected_events(arrivals, past, hazard_ratio, design, MAX_WEEKS)
    enough = np.flatnonzero(events >= needed)
    if enough.size == 0:
        return NotComputable("not_reached", f"A year brings {events[-1]:.0f} of {needed} events.")
    weeks = int(enough[0]) + 1
    units = int(arrivals.by_week(weeks)[-1])
    return EventPlan(needed, weeks, units, float(events[weeks - 1]))
