"""The compiled pass: reads sorted event columns once and writes one row per journey.

All compiled code stands in this one file, because a cached kernel is only rebuilt when its own
file changes. The rules are those of ``twin.py``, which says the same in plain Python; the tests
hold the two equal. State lives in the output row itself: a journey is open while its row says so,
and a row is written in place until the journey ends. Nothing is searched: the open journey of a
customer is one row, that of a correlation value is looked up, and the one that started last is
the top of a heap, from which ended journeys are dropped as they surface.
"""

# ruff: noqa: PLR0913, PLR0917, C901 -- compiled code is handed its arrays one by one, objects would cost the speed
from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np

# Columns of a row. All are 64-bit integers, so that one matrix holds a journey in a few cache lines.
CUSTOMER, VALUE, START, END, STATUS, REASON, REASON_STAGE, CURRENT = 0, 1, 2, 3, 4, 5, 6, 7
REACHED, ANCHOR, DUE, DUE_REASON, DUE_STAGE, LAST, LAST_CHANNEL, TOUCHPOINTS = 8, 9, 10, 11, 12, 13, 14, 15
SWITCHES, REPEATS, BACKTRACKS, RECAPTURES, N_REACHED, ROW_WIDTH = 16, 17, 18, 19, 20, 21

OPEN, COMPLETED, ABANDONED, ABORTED, SUPERSEDED = 0, 1, 2, 3, 4
NO_REASON, WINDOW, WITHIN, INACTIVITY, EXCLUSION, RESTART, STRICT = 0, 1, 2, 3, 4, 5, 6

# Places of the settings in ``rule``.
R_WINDOW, R_INACTIVITY, R_ANY, R_STRICT, R_ONCE, R_RESTART, R_CORRELATE, R_AS_OF, R_REQUIRED = range(9)

_jit = nb.njit(cache=True, nogil=True)
_inline = nb.njit(cache=True, nogil=True, inline="always")


@_inline
def _set_due(
    rows: Any, j: Any, rule: Any, within: Any, next_required: Any
) -> None:  # pragma: no cover -- compiled
    """Work out when the journey is over if nothing more happens; the first named limit wins a tie."""
    rows[j, DUE] = rows[j, START] + rule[R_WINDOW]
    rows[j, DUE_REASON] = WINDOW
    rows[j, DUE_STAGE] = -1
    if rule[R_ANY]:
        missing = rule[R_REQUIRED] & ~rows[j, REACHED]
        for stage in range(within.size):
            if (
                (missing >> stage) & 1
                and within[stage] >= 0
                and rows[j, START] + within[stage] < rows[j, DUE]
            ):
                rows[j, DUE] = rows[j, START] + within[stage]
                rows[j, DUE_REASON] = WITHIN
                rows[j, DUE_STAGE] = stage
    else:
        stage = next_required[rows[j, CURRENT]]
        if within[stage] >= 0 and rows[j, ANCHOR] + within[stage] < rows[j, DUE]:
            rows[j, DUE] = rows[j, ANCHOR] + within[stage]
            rows[j, DUE_REASON] = WITHIN
            rows[j, DUE_STAGE] = stage
    if rule[R_INACTIVITY] >= 0 and rows[j, LAST] + rule[R_INACTIVITY] < rows[j, DUE]:
        rows[j, DUE] = rows[j, LAST] + rule[R_INACTIVITY]
        rows[j, DUE_REASON] = INACTIVITY
        rows[j, DUE_STAGE] = -1


@_inline
def _finish(rows: Any, j: Any, status: Any, reason: Any, end: Any) -> None:  # pragma: no cover -- compiled
    """End the journey."""
    rows[j, STATUS] = status
    rows[j, REASON] = reason
    rows[j, END] = end
    rows[j, REASON_STAGE] = -1


@_inline
def _abandon(rows: Any, j: Any) -> None:  # pragma: no cover -- compiled
    """End the journey at its deadline."""
    _finish(rows, j, ABANDONED, rows[j, DUE_REASON], rows[j, DUE])
    rows[j, REASON_STAGE] = rows[j, DUE_STAGE]


@_inline
def _touch(
    rows: Any, j: Any, known: Any, ts: Any, channel: Any, captured: Any, i: Any
) -> None:  # pragma: no cover -- compiled
    """Count a touchpoint, its channel and what it asked for again."""
    rows[j, TOUCHPOINTS] += 1
    rows[j, LAST] = ts
    # without branches: channels change at random, and a wrong guess costs more than the sum
    before = rows[j, LAST_CHANNEL]
    rows[j, SWITCHES] += np.int64((channel >= 0) & (before >= 0) & (channel != before))
    rows[j, LAST_CHANNEL] = channel if channel >= 0 else before
    again = False
    for word in range(captured.shape[1]):
        again = again or (known[j, word] & captured[i, word]) != 0
        known[j, word] |= captured[i, word]
    if again:
        rows[j, RECAPTURES] += 1


@_inline
def _candidate(
    rows: Any, j: Any, rule: Any, within: Any, next_required: Any, mask: Any, ts: Any
) -> int:  # pragma: no cover -- compiled
    """Return the lowest stage that the event reaches, or -1."""
    if rule[R_ANY]:
        first, last, anchor, free = 0, within.size - 1, rows[j, START], mask & ~rows[j, REACHED]
    else:
        first, last, anchor, free = (
            rows[j, CURRENT] + 1,
            next_required[rows[j, CURRENT]],
            rows[j, ANCHOR],
            mask,
        )
    for stage in range(first, last + 1):
        if (free >> stage) & 1:
            optional = not (rule[R_REQUIRED] >> stage) & 1
            if not (optional and within[stage] >= 0 and ts > anchor + within[stage]):
                return int(stage)
    return -1


@_inline
def _excluded(rows: Any, j: Any, rule: Any, spans: Any, exclude: Any) -> bool:  # pragma: no cover -- compiled
    """Return whether an exclusion that the event matches is in force."""
    for i in range(spans.shape[0]):
        if (exclude >> i) & 1:
            after, before = spans[i, 0], spans[i, 1]
            if rule[R_ANY]:
                reached = rows[j, REACHED]
                if (reached >> after) & 1 and (before < 0 or not (reached >> before) & 1):
                    return True
            elif rows[j, CURRENT] >= after and (before < 0 or rows[j, CURRENT] < before):
                return True
    return False


@_inline
def _reach(
    rows: Any,
    j: Any,
    stage_time: Any,
    stage_channel: Any,
    stage_order: Any,
    stage: Any,
    ts: Any,
    channel: Any,
) -> None:  # pragma: no cover -- compiled
    """Note that a stage was reached."""
    rows[j, CURRENT] = stage
    rows[j, REACHED] |= np.int64(1) << stage
    stage_time[j, stage] = ts
    stage_channel[j, stage] = channel
    stage_order[j, stage] = rows[j, N_REACHED]
    rows[j, N_REACHED] += 1


@_inline
def _begin(rows: Any, j: Any, customer: Any, value: Any, ts: Any) -> None:  # pragma: no cover -- compiled
    """Open a journey in an unused row."""
    for column in range(ROW_WIDTH):
        rows[j, column] = 0
    rows[j, CUSTOMER] = customer
    rows[j, VALUE] = value
    rows[j, START] = ts
    rows[j, ANCHOR] = ts
    rows[j, REASON_STAGE] = -1
    rows[j, LAST_CHANNEL] = -1


@_inline
def _later(rows: Any, a: Any, b: Any) -> bool:  # pragma: no cover -- compiled
    """Return whether journey a started after journey b (ties: the higher value)."""
    if rows[a, START] != rows[b, START]:
        return bool(rows[a, START] > rows[b, START])
    return bool(rows[a, VALUE] > rows[b, VALUE])


@_inline
def _push(rows: Any, heap: Any, size: Any, item: Any) -> Any:  # pragma: no cover -- compiled
    """Add a journey to the heap and return the new size."""
    at = size
    while at > 0 and _later(rows, item, heap[(at - 1) // 2]):
        heap[at] = heap[(at - 1) // 2]
        at = (at - 1) // 2
    heap[at] = item
    return size + 1


@_inline
def _pop(rows: Any, heap: Any, size: Any) -> Any:  # pragma: no cover -- compiled
    """Drop the top of the heap and return the new size."""
    size -= 1
    item = heap[size]
    at = 0
    while 2 * at + 1 < size:
        child = 2 * at + 1
        if child + 1 < size and _later(rows, heap[child + 1], heap[child]):
            child += 1
        if not _later(rows, heap[child], item):
            break
        heap[at] = heap[child]
        at = child
    heap[at] = item
    return size


@_inline
def _meet(rows: Any, j: Any, rule: Any, within: Any, next_required: Any, spans: Any, mask: Any, exclude: Any,
          ts: Any, may_advance: Any) -> int:  # pragma: no cover -- compiled  # fmt: skip
    """Say what an in-scope event does to an open journey: the stage it reaches, or -1 - the role.

    -1 touchpoint, -2 exclusion, -3 restart, -4 strict break, -5 strict break that may start the next.
    """
    if may_advance and mask != 0:
        stage = _candidate(rows, j, rule, within, next_required, mask, ts)
        if stage >= 0:
            return int(stage)
    if exclude != 0 and _excluded(rows, j, rule, spans, exclude):
        return -2
    starts = may_advance and (mask & 1) != 0
    if rule[R_RESTART] and starts:
        return -3
    if rule[R_STRICT]:
        return -5 if starts and not rule[R_ONCE] else -4
    return -1


@_inline
def _count_return(rows: Any, j: Any, any_order: Any, mask: Any) -> None:  # pragma: no cover -- compiled
    """Count a repeat of the current stage or a way back to an earlier one."""
    if (mask >> rows[j, CURRENT]) & 1:
        rows[j, REPEATS] += 1
    elif not any_order and mask & ((np.int64(1) << rows[j, CURRENT]) - 1):
        rows[j, BACKTRACKS] += 1


@_inline
def _close_customer(rows: Any, first: Any, last: Any, as_of: Any) -> None:  # pragma: no cover -- compiled
    """Bring the journeys still open to their end as of the snapshot."""
    for j in range(first, last):
        if rows[j, STATUS] == OPEN:
            if rows[j, DUE] < as_of:
                _abandon(rows, j)
            else:
                rows[j, END] = as_of


@_inline
def _target(
    rows: Any, by_value: Any, heap: Any, heap_size: Any, first: Any, value: Any, ts: Any
) -> Any:  # pragma: no cover -- compiled
    """Return the journey a correlated event speaks to, open or ended, or -1; and the size of the heap."""
    if value >= 0:
        return (by_value[value] if by_value[value] >= first else np.int64(-1)), heap_size
    while heap_size > 0:
        top = heap[0]
        if rows[top, STATUS] == OPEN and rows[top, DUE] >= ts:
            return top, heap_size
        if rows[top, STATUS] == OPEN:
            _abandon(rows, top)
        heap_size = _pop(rows, heap, heap_size)
    return np.int64(-1), heap_size


@_inline
def _play(
    role: Any, rows: Any, j: Any, stages: Any, known: Any, limits: Any, event: Any, captured: Any
) -> bool:  # pragma: no cover -- compiled
    """Let an event play its role in an open journey; return whether it also starts the next one."""
    rule, within, next_required = limits
    i, ts, mask, channel = event
    if role == -3:
        _finish(rows, j, SUPERSEDED, RESTART, ts)
        return True
    if role == -5:
        _finish(rows, j, ABORTED, STRICT, ts)
        return True
    _touch(rows, j, known, ts, channel, captured, i)
    if role >= 0:
        _reach(rows, j, stages[0], stages[1], stages[2], role, ts, channel)
        if (rule[R_REQUIRED] >> role) & 1:
            rows[j, ANCHOR] = ts
        if (not rule[R_REQUIRED] & ~rows[j, REACHED]) if rule[R_ANY] else role == within.size - 1:
            _finish(rows, j, COMPLETED, NO_REASON, ts)
        else:
            _set_due(rows, j, rule, within, next_required)
    elif role == -1:
        _count_return(rows, j, rule[R_ANY], mask)
        if rule[R_INACTIVITY] >= 0:
            _set_due(rows, j, rule, within, next_required)
    else:
        _finish(rows, j, ABORTED, EXCLUSION if role == -2 else STRICT, ts)
    return False


@_inline
def _start(
    rows: Any, j: Any, stages: Any, known: Any, limits: Any, event: Any, captured: Any
) -> None:  # pragma: no cover -- compiled
    """Start a journey in row j, whose customer and value are set."""
    rule, within, next_required = limits
    i, ts, _, channel = event
    for stage in range(1, within.size):
        stages[0][j, stage] = -1
        stages[1][j, stage] = -1
        stages[2][j, stage] = -1
    _touch(rows, j, known, ts, channel, captured, i)
    _reach(rows, j, stages[0], stages[1], stages[2], 0, ts, channel)
    _set_due(rows, j, rule, within, next_required)


@_jit
def run(events: Any, rule: Any, within: Any, next_required: Any, spans: Any, rows: Any, stages: Any,
        known: Any, by_value: Any, heap: Any, members: Any) -> int:  # pragma: no cover -- compiled  # fmt: skip
    """Match all customers; ``rows`` and its companions have room for every possible journey.

    ``known`` holds zeros.

    Returns:
        The number of journeys written.
    """
    customers, times, masks, excludes, in_scope, channels, values, captured = events
    limits = (rule, within, next_required)
    n, first, heap_size, single = np.int64(0), np.int64(0), 0, np.int64(-1)
    correlate, strict, listing = rule[R_CORRELATE] != 0, rule[R_STRICT] != 0, members.size > 1
    customer = np.int64(-1)
    for i in range(times.size):
        if customers[i] != customer:
            _close_customer(rows, first, n, rule[R_AS_OF])
            customer, first, heap_size, single = np.int64(customers[i]), n, 0, np.int64(-1)
        ts, mask, value = times[i], masks[i], np.int64(-1)
        event = (i, ts, mask, np.int64(channels[i]))
        # the journey of this event, open or ended; -1: there never was one
        target: Any = single
        counts: Any = True
        if correlate:
            value = np.int64(values[i])
            counts = value >= 0
            target, heap_size = _target(rows, by_value, heap, heap_size, first, value, ts)
        if target >= 0 and rows[target, STATUS] == OPEN and rows[target, DUE] < ts:
            _abandon(rows, target)
        starts: Any = False
        if target < 0 or rows[target, STATUS] != OPEN:
            starts = counts and (mask & 1) != 0 and not (rule[R_ONCE] and target >= 0)
        elif in_scope[i]:
            role: Any = np.int64(-1)
            if mask != 0 or excludes[i] != 0 or strict:  # most events are touchpoints and nothing else
                role = _meet(rows, target, rule, within, next_required, spans, mask, excludes[i], ts, counts)
            starts = _play(role, rows, target, stages, known, limits, event, captured)
            if listing and not starts:
                members[i] = target
        if starts:
            _begin(rows, n, customer, value, ts)
            _start(rows, n, stages, known, limits, event, captured)
            if listing:
                members[i] = n
            if correlate:
                by_value[value] = n
                heap_size = _push(rows, heap, heap_size, n)
            else:
                single = n
            n += 1
    _close_customer(rows, first, n, rule[R_AS_OF])
    return int(n)


@_jit
def order_by_customer(customers: Any, n_customers: Any) -> Any:  # pragma: no cover -- compiled
    """Return the stable order by customer, by counting."""
    place = np.zeros(n_customers + 1, np.int64)
    for i in range(customers.size):
        place[customers[i] + 1] += 1
    for c in range(n_customers):
        place[c + 1] += place[c]
    order = np.empty(customers.size, np.int64)
    for i in range(customers.size):
        order[place[customers[i]]] = i
        place[customers[i]] += 1
    return order
