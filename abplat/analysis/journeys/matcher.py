"""The matcher: journeys out of event columns, by one compiled pass."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from abplat.analysis.journeys import kernel as k
from abplat.analysis.journeys.encode import EventColumns
from abplat.analysis.journeys.results import JourneyColumns
from abplat.domain.journeys import JourneyDefinition


def match_journeys(
    definition: JourneyDefinition, events: EventColumns, as_of_us: int, *, members: bool = False
) -> JourneyColumns:
    """Find the journeys of every customer as of one instant.

    A pure function of its arguments. Cost is one pass: linear in events, and logarithmic in the
    open journeys of one customer where events without a correlation value have to find theirs.

    Args:
        definition: What a journey is.
        events: Sorted columns, holding nothing later than ``as_of_us``.
        as_of_us: The snapshot, microseconds UTC.
        members: Also say which journey each event belongs to (needed for channel paths).
    """
    n_stages = len(definition.stages)
    starts = (events.stage_mask & 1) != 0
    if definition.correlate_by is not None:
        starts &= events.value >= 0
    room = int(np.count_nonzero(starts)) + 1
    rows = np.empty((room, k.ROW_WIDTH), np.int64)
    stage_time = np.empty((room, n_stages), np.int64)
    stage_channel = np.empty((room, n_stages), np.int32)
    stage_order = np.empty((room, n_stages), np.int8)
    member = np.full(max(events.ts.size, 2) if members else 1, -1, np.int32)
    correlated = definition.correlate_by is not None
    n = k.run(
        events.as_tuple(),
        *_rules(definition, as_of_us),
        rows,
        (stage_time, stage_channel, stage_order),
        np.zeros((room, events.captured.shape[1]), np.uint64),
        np.full(len(events.values) if correlated else 0, -1, np.int64),
        np.empty(room if correlated else 0, np.int64),
        member,
    )
    order = _order(rows[:n], definition)
    found = _columns(definition, rows[:n], as_of_us, (stage_time[:n], stage_channel[:n], stage_order[:n]))
    if members:
        found["member"] = _renumber(member[: events.ts.size], order)
    if order is not None:
        found = {name: part if name == "member" else part[order] for name, part in found.items()}
    found["n"] = count_within(found["customer"])
    return JourneyColumns(**found)


def _rules(
    definition: JourneyDefinition, as_of_us: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return the settings of a definition as arrays: rule, within, next required stage, spans."""
    stages = definition.stages
    required = sum(1 << i for i, stage in enumerate(stages) if not stage.optional)
    rule = np.zeros(9, np.int64)
    rule[k.R_WINDOW] = definition.window_us
    rule[k.R_INACTIVITY] = -1 if definition.inactivity_us is None else definition.inactivity_us
    rule[k.R_ANY] = definition.ordering == "any"
    rule[k.R_STRICT] = definition.ordering == "strict"
    rule[k.R_ONCE] = definition.reentry == "once"
    rule[k.R_RESTART] = definition.reentry == "restart"
    rule[k.R_CORRELATE] = definition.correlate_by is not None
    rule[k.R_AS_OF] = as_of_us
    rule[k.R_REQUIRED] = required
    within = np.array([-1 if s.within_us is None else s.within_us for s in stages], np.int64)
    following = [next((i for i in range(at + 1, len(stages)) if not stages[i].optional), len(stages) - 1)
                 for at in range(len(stages))]  # fmt: skip
    spans = [(x.after, -1 if x.before is None else x.before) for x in definition.exclude]
    return rule, within, np.array(following, np.int64), np.array(spans, np.int64).reshape(-1, 2)


def _order(rows: NDArray[np.int64], definition: JourneyDefinition) -> NDArray[np.int64] | None:
    """Return the order by customer, start, value; None where the rows stand in it already."""
    if definition.correlate_by is None:
        return None
    return np.lexsort((rows[:, k.VALUE], rows[:, k.START], rows[:, k.CUSTOMER]))


def _columns(
    definition: JourneyDefinition,
    rows: NDArray[np.int64],
    as_of_us: int,
    stages: tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int8]],
) -> dict[str, Any]:
    """Split the rows into typed columns."""
    status, end = rows[:, k.STATUS].astype(np.int8), rows[:, k.END].copy()
    counts = {"touchpoints": k.TOUCHPOINTS, "switches": k.SWITCHES, "repeats": k.REPEATS,
              "backtracks": k.BACKTRACKS, "recaptures": k.RECAPTURES}  # fmt: skip
    return {
        "customer": rows[:, k.CUSTOMER].astype(np.int32),
        "key": rows[:, k.VALUE].astype(np.int32),
        "status": status,
        "reason": rows[:, k.REASON].astype(np.int8),
        "reason_stage": rows[:, k.REASON_STAGE].astype(np.int8),
        "provisional": (status == k.ABANDONED) & (as_of_us <= end + definition.lateness_us),
        "start": rows[:, k.START].copy(),
        "end": end,
        "next_stage": _next_stage(definition, stages[2]),
        "stage_time": stages[0],
        "stage_channel": stages[1],
        "stage_order": stages[2],
    } | {name: rows[:, place].astype(np.int32) for name, place in counts.items()}


def _next_stage(definition: JourneyDefinition, stage_order: NDArray[np.int8]) -> NDArray[np.int8]:
    """Return the first required stage missing of each journey, or -1."""
    missing = np.full(stage_order.shape[0], -1, np.int8)
    for i in reversed(range(len(definition.stages))):
        if not definition.stages[i].optional:
            missing[stage_order[:, i] < 0] = i
    return missing


def _renumber(member: NDArray[np.int32], order: NDArray[np.int64] | None) -> NDArray[np.int32]:
    """Let the events point at the journeys in their final order."""
    if order is None:
        return member
    place = np.empty(order.size + 1, np.int32)
    place[order] = np.arange(order.size, dtype=np.int32)
    place[-1] = -1
    return place[member]


def count_within(customer: NDArray[np.generic]) -> NDArray[np.int32]:
    """Number the journeys of each customer from 1."""
    at = np.arange(customer.size, dtype=np.int64)
    first = np.ones(customer.size, bool)
    first[1:] = customer[1:] != customer[:-1]
    return (at - np.maximum.accumulate(np.where(first, at, 0)) + 1).astype(np.int32)
