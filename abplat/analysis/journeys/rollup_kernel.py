"""The compiled pass from journeys to customers: each journey is looked at once."""

# ruff: noqa: PLR0913, PLR0917 -- compiled code is handed its arrays one by one, objects would cost the speed
from __future__ import annotations

from typing import Any

import numba as nb

_jit = nb.njit(cache=True, nogil=True)
JOURNEYS, COMPLETED, PRE_JOURNEYS, PRE_COMPLETED, TOUCHPOINTS = 0, 1, 2, 3, 4
SWITCHES, REPEATS, BACKTRACKS, RECAPTURES, N_COUNTS = 5, 6, 7, 8, 9
_PRE, _POST = 0, 2
_DONE = 1


@_jit
def roll_up(
    at: Any, relation: Any, limits: Any, times: Any, states: Any, counted: Any, stages: Any, out: Any
) -> None:  # pragma: no cover -- compiled
    """Add every journey to its customer.

    Args:
        at: Per journey its customer, -1 for strangers.
        relation: Per journey how it lies to the exposure.
        limits: Per customer until when things count.
        times: Starts and ends of journeys.
        states: Statuses and next stages of journeys.
        counted: Touchpoints, switches, repeats, backtracks and recaptures of journeys.
        stages: [journey, stage] times and places in the order.
        out: Per customer: [:, count] sums, first completions, last next stages, [:, stage] stages reached.
    """
    start, end = times
    status, next_stage = states
    touchpoints, switches, repeats, backtracks, recaptures = counted
    stage_time, stage_order = stages
    sums, first, last, reached = out
    for j in range(at.size):
        unit = at[j]
        if unit < 0:
            continue
        done = status[j] == _DONE
        if relation[j] == _PRE:
            sums[unit, PRE_JOURNEYS] += 1
            sums[unit, PRE_COMPLETED] += done
        if relation[j] != _POST:
            continue
        if done and end[j] < first[unit]:
            first[unit] = end[j]
        limit = limits[unit]
        if start[j] > limit:
            continue
        sums[unit, JOURNEYS] += 1
        sums[unit, COMPLETED] += done and end[j] <= limit
        sums[unit, TOUCHPOINTS] += touchpoints[j]
        sums[unit, SWITCHES] += switches[j]
        sums[unit, REPEATS] += repeats[j]
        sums[unit, BACKTRACKS] += backtracks[j]
        sums[unit, RECAPTURES] += recaptures[j]
        last[unit] = next_stage[j]
        for stage in range(reached.shape[1]):
            if stage_order[j, stage] >= 0 and stage_time[j, stage] <= limit:
                reached[unit, stage] = True
