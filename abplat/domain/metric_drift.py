"""Whether the last two weeks of a metric have left its history: then definition and data may no longer agree."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from statistics import fmean, stdev
from typing import Final

from abplat.domain.metric_history import DayRow, Drift

RECENT_DAYS: Final = 14
FEWEST_BEFORE: Final = 14
FEWEST_RECENT: Final = 4
Z: Final = 4.0
"""Of the day-to-day scatter before: weekdays and noise stay inside."""
LEAST_CHANGE: Final = 0.1
"""Relative: smaller changes are none that a definition would explain."""
LEAST_SPREAD: Final = 0.5
"""The same for the variance, which scatters more."""


def find_drift(days: Sequence[DayRow]) -> tuple[Drift, ...]:
    """Hold the last fourteen days against those before.

    The mean of the daily values is compared with the scatter of the days before, and so is the mean of the
    logarithms of the daily variances. Something is said only of a change of ten percent (the variance: of
    half) and more, so that a large project does not cry wolf.

    Args:
        days: Day by day, the oldest first.

    References:
        Shewhart (1931), Economic Control of Quality of Manufactured Product: limits from the process's own past.
    """
    return tuple(_find(days))


def _find(days: Sequence[DayRow]) -> Iterator[Drift]:
    """Yield what has left its history."""
    before, recent = days[:-RECENT_DAYS], days[-RECENT_DAYS:]
    values = ([day.value for day in part if day.value is not None] for part in (before, recent))
    yield from _compare("value", *values, least=LEAST_CHANGE)
    spreads = ([math.log(day.variance) for day in part if day.variance] for part in (before, recent))
    yield from _compare("variance", *spreads, least=LEAST_SPREAD, is_log=True)


def _compare(
    measure: str, before: Sequence[float], recent: Sequence[float], *, least: float, is_log: bool = False
) -> Iterator[Drift]:
    """Compare the means of two stretches of days."""
    if len(before) < FEWEST_BEFORE or len(recent) < FEWEST_RECENT:
        return
    old, new, scatter = fmean(before), fmean(recent), stdev(before)
    limit = Z * scatter * math.sqrt(1 / len(before) + 1 / len(recent))
    first, last = (math.exp(old), math.exp(new)) if is_log else (old, new)
    change = abs(last - first) / abs(first) if first else math.inf
    if abs(new - old) > limit and change >= least:
        yield Drift(measure=measure, before=first, recent=last)
