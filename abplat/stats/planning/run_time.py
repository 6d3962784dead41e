"""How long a test must run: from the curve of new units of the past, in whole weeks.

Customers come back, so the second week brings fewer **new** units than the first: a constant daily
rate promises an end that never comes. Weekdays differ, so a test runs whole weeks. And a unit
counts only when its horizon is over, so the last ones need that time on top.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from abplat.errors import InvalidInputError
from abplat.stats.inputs import FloatArray, as_finite_array, require_count, require_finite, require_positive
from abplat.stats.planning.design import Design
from abplat.stats.planning.outcome import Outcome
from abplat.stats.planning.size import calculate_mde, calculate_sample_size
from abplat.stats.result import Computed, NotComputable

MAX_WEEKS = 52


@dataclass(frozen=True, slots=True)
class Arrivals:
    """New units per day since a first day, as the past showed them.

    Attributes:
        new_units: Units seen for the first time on each day of the history; at least 14 days are
            asked for, so that a week can be compared with the week before.
        share: Share of them that the test will include.

    Raises:
        InvalidInputError: If there are fewer than 14 days, a negative day, or no unit at all.
    """

    new_units: tuple[float, ...]
    share: float = 1.0

    def __post_init__(self) -> None:
        days = as_finite_array("new_units", self.new_units)
        if days.ndim != 1 or days.size < 14 or np.any(days < 0) or days.sum() == 0:
            raise InvalidInputError.at("new_units", "needs at least 14 days, none negative, not all 0")
        if not 0 < require_finite("share", self.share) <= 1:
            raise InvalidInputError.at("share", f"must be above 0 and at most 1, got {self.share!r}")

    def by_day(self, n_days: int) -> FloatArray:
        """Return expected new units of each day of a test, beyond the history by its last weeks.

        Each week after the history is the week before it times the ratio of the last two weeks of
        the history, held at 1 at most: growth is not promised.

        Args:
            n_days: Days wanted.

        Examples:
            >>> Arrivals((100.0,) * 7 + (50.0,) * 7).by_day(15).tolist()[-2:]
            [50.0, 25.0]
        """
        days = np.asarray(self.new_units, dtype=np.float64)
        last, before = days[-7:], days[-14:-7].sum()
        ratio = min(float(last.sum() / before), 1.0) if before > 0 else 1.0
        weeks = max(math.ceil((n_days - days.size) / 7), 0)
        later = [last * ratio**week for week in range(1, weeks + 1)]
        return np.asarray(np.concatenate([days, *later])[:n_days] * self.share)

    def by_week(self, n_weeks: int) -> FloatArray:
        """Return the expected units in the test after each whole week, shape (n_weeks,).

        Args:
            n_weeks: Weeks wanted.

        Examples:
            >>> Arrivals((100.0,) * 7 + (50.0,) * 7).by_week(3).tolist()
            [700.0, 1050.0, 1225.0]
        """
        return np.asarray(np.cumsum(self.by_day(7 * n_weeks))[6::7])


@dataclass(frozen=True, slots=True)
class RunTime:
    """How long a test must run.

    Attributes:
        n_weeks: Weeks in which units enter.
        maturation_days: Days after that until the last unit's horizon is over.
        total_days: Both together, in days.
        n_units: Units expected by then.
        is_extrapolated: Whether the time goes beyond the history.
    """

    n_weeks: int
    maturation_days: float
    total_days: float
    n_units: int
    is_extrapolated: bool


@dataclass(frozen=True, slots=True)
class WeekRow:
    """One line of the table of smallest effects by week.

    Attributes:
        week: Weeks in which units enter.
        total_days: Days until the result, with maturation.
        n_units: Units expected.
        mde: Smallest effect on the scale of the design; None where none is shown.
        reason: Why there is none.
    """

    week: int
    total_days: float
    n_units: int
    mde: float | None
    reason: str | None = None


def plan_run_time(n_units: float, arrivals: Arrivals, maturation_days: float = 0.0) -> Computed[RunTime]:
    """Return how long units must enter and mature until a number of them can be judged.

    Args:
        n_units: Units needed, all arms together.
        arrivals: History of new units by day.
        maturation_days: Horizon of the metric in days: a unit counts only after it.

    Returns:
        The run time in whole weeks, or NotComputable (``not_reached``) beyond 52 weeks.

    Raises:
        InvalidInputError: If a number is bad.

    References:
        Whole weeks: Kohavi, Tang and Xu (2020), Trustworthy Online Controlled Experiments.

    Examples:
        >>> plan_run_time(1_000, Arrivals((100.0,) * 7 + (50.0,) * 7), maturation_days=7.0)
        RunTime(n_weeks=2, maturation_days=7.0, total_days=21.0, n_units=1050, is_extrapolated=False)
    """
    needed = require_positive("n_units", n_units)
    extra = _read_maturation(maturation_days)
    curve = arrivals.by_week(MAX_WEEKS)
    enough = np.flatnonzero(curve >= needed - 1e-9)
    if enough.size == 0:
        return NotComputable("not_reached", f"{MAX_WEEKS} weeks bring {curve[-1]:.0f} of {needed:.0f} units.")
    weeks = int(enough[0]) + 1
    is_beyond = weeks * 7 > len(arrivals.new_units)
    return RunTime(weeks, extra, weeks * 7 + extra, int(curve[weeks - 1]), is_beyond)


def plan_test(
    outcome: Outcome, effect: float, design: Design, arrivals: Arrivals, maturation_days: float = 0.0
) -> Computed[RunTime]:
    """Return how long a test must run to show an effect with the power of its design.

    Args:
        outcome: The metric.
        effect: Effect on the scale of the design.
        design: The test.
        arrivals: History of new units by day.
        maturation_days: Horizon of the metric in days.

    Returns:
        The run time, or NotComputable (``not_reached``).

    Raises:
        InvalidInputError: If a number is bad.

    References:
        As for :func:`calculate_sample_size` and :func:`plan_run_time`.

    Examples:
        >>> from abplat.stats.planning import proportion_outcome
        >>> plan_test(proportion_outcome(0.1), 0.01, Design(), Arrivals((1_000.0,) * 28)).n_weeks
        5
    """
    size = calculate_sample_size(outcome, effect, design)
    if isinstance(size, NotComputable):
        return size
    return plan_run_time(size.n_units, arrivals, maturation_days)


def tabulate_mde(
    outcome: Outcome, design: Design, arrivals: Arrivals, n_weeks: int = 8, maturation_days: float = 0.0
) -> tuple[WeekRow, ...]:
    """Return the smallest effect that a test shows if it runs one week, two weeks, and so on.

    Args:
        outcome: The metric.
        design: The test.
        arrivals: History of new units by day.
        n_weeks: Rows wanted, at least 1.
        maturation_days: Horizon of the metric in days.

    Returns:
        One row per week.

    Raises:
        InvalidInputError: If a number is bad.

    References:
        As for :func:`calculate_mde`.

    Examples:
        >>> from abplat.stats.planning import proportion_outcome
        >>> rows = tabulate_mde(proportion_outcome(0.1), Design(), Arrivals((1_000.0,) * 14), 2)
        >>> [(row.week, row.n_units, round(row.mde, 4)) for row in rows]
        [(1, 7000, 0.021), (2, 14000, 0.0147)]
    """
    extra = _read_maturation(maturation_days)
    curve = arrivals.by_week(require_count("n_weeks", n_weeks, 1))
    return tuple(
        _week_row(week, extra, float(units), calculate_mde(outcome, float(units), design))
        if units >= 1
        else WeekRow(week, week * 7 + extra, 0, None, "no_units")
        for week, units in enumerate(curve, start=1)
    )


def _week_row(week: int, extra: float, units: float, mde: Computed[float]) -> WeekRow:
    """Return a row of the table."""
    if isinstance(mde, NotComputable):
        return WeekRow(week, week * 7 + extra, int(units), None, mde.reason)
    return WeekRow(week, week * 7 + extra, int(units), mde)


def _read_maturation(days: float) -> float:
    """Check the maturation window."""
    if require_finite("maturation_days", days) < 0:
        raise InvalidInputError.at("maturation_days", f"must be at least 0, got {days!r}")
    return float(days)


def expected_looks(fractions: npt.ArrayLike, arrivals: Arrivals, n_weeks: int) -> tuple[int, ...]:
    """Return the day of the test on which each information fraction is reached.

    Args:
        fractions: Shares of the units at the end of entry, rising, above 0 and at most 1.
        arrivals: History of new units by day.
        n_weeks: Weeks in which units enter.

    Returns:
        Day 1, 2... of the test for each look, without maturation.

    Raises:
        InvalidInputError: If a fraction is out of range.

    References:
        Information is taken as proportional to units: SE^-2 at a constant variance.

    Examples:
        >>> expected_looks([0.5, 1.0], Arrivals((100.0,) * 7 + (50.0,) * 7), n_weeks=2)
        (6, 14)
    """
    times = as_finite_array("fractions", fractions, positive=True)
    if np.any(times > 1):
        raise InvalidInputError.at("fractions", "must be at most 1")
    total = np.cumsum(arrivals.by_day(7 * require_count("n_weeks", n_weeks, 1)))
    return tuple((np.searchsorted(total, times * total[-1] - 1e-9) + 1).tolist())
