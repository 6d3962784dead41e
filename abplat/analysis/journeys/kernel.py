"""The compiled pass: reads sorted event columns once and writes one row per journey.

All compiled code stands in this one file, because a cached kernel is only rebuilt when its own
file changes. The rules are those of ``twin.py``, which says the same in plain Python; the tests
hold the two equal. State lives in the output row itself: a journey is open while its row says so,
and a row is written in place until the journey ends. Nothing is searched: the open journey of a
customer is one row, that of a correlation value is looked up, and the one that started last is
the top of a heap, from which ended journeys are dropped as they surface.
"""

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


@_jit  # type: ignore[untyped-decorator]
def _set_due(row: Any, rule: Any, within: Any, next_required: Any) -> None:  # pragma: no cover -- compiled
    """Work out when the journey is over if nothing more happens; the first named limit wins a tie."""
    row[DUE] = row[START] + rule[R_WINDOW]
    row[DUE_REASON] = WINDOW
    row[DUE_STAGE] = -1
    if rule[R_ANY]:
        missing = rule[R_REQUIRED] & ~row[REACHED]
        for stage in range(within.size):
            if (missing >> stage) & 1 and within[stage] >= 0 and row[START] + within[stage] < row[DUE]:
                row[DUE] = row[START] + within[stage]
                row[DUE_REASON] = WITHIN
                row[DUE_STAGE] = stage
    else:
        stage = next_required[row[CURRENT]]
        if within[stage] >= 0 and row[ANCHOR] + within[stage] < row[DUE]:
            row[DUE] = row[ANCHOR] + within[stage]
            row[DUE_REASON] = WITHIN
            row[DUE_STAGE] = stage
    if rule[R_INACTIVITY] >= 0 and row[LAST] + rule[R_INACTIVITY] < row[DUE]:
        row[DUE] = row[LAST] + rule[R_INACTIVITY]
        row[DUE_REASON] = INACTIVITY
        row[DUE_STAGE] = -1


@_jit  # type: ignore[untyped-decorator]
def _finish(row: Any, status: int, reason: int, end: int) -> None:  # pragma: no cover -- compiled
    """End the journey."""
    row[STATUS] = status
    row[REASON] = reason
    row[END] = end
    row[REASON_STAGE] = -1


@_jit  # type: ignore[untyped-decorator]
def _abandon(row: Any) -> None:  # pragma: no cover -- compiled
    """End the journey at its deadline."""
    _finish(row, ABANDONED, row[DUE_REASON], row[DUE])
    row[REASON_STAGE] = row[DUE_STAGE]


@_jit  # type: ignore[untyped-decorator]
def _touch(
    row: Any, known: Any, ts: int, channel: int, captured: Any
) -> None:  # pragma: no cover -- compiled
    """Count a touchpoint, its channel and what it asked for again."""
    row[TOUCHPOINTS] += 1
    row[LAST] = ts
    if channel >= 0:
        if row[LAST_CHANNEL] >= 0 and row[LAST_CHANNEL] != channel:
            row[SWITCHES] += 1
        row[LAST_CHANNEL] = channel
    again = False
    for word in range(captured.size):
        again = again or (known[word] & captured[word]) != 0
        known[word] |= captured[word]
    if again:
        row[RECAPTURES] += 1


@_jit  # type: ignore[untyped-decorator]
def _candidate(
    row: Any, rule: Any, within: Any, next_required: Any, mask: int, ts: int
) -> int:  # pragma: no cover -- compiled
    """Return the lowest stage that the event reaches, or -1."""
    if rule[R_ANY]:
        first, last, anchor, free = 0, within.size - 1, row[START], mask & ~row[REACHED]
    else:
        first, last, anchor, free = row[CURRENT] + 1, next_required[row[CURRENT]], row[ANCHOR], mask
    for stage in range(first, last + 1):
        if (free >> stage) & 1:
            optional = not (rule[R_REQUIRED] >> stage) & 1
            if not (optional and within[stage] >= 0 and ts > anchor + within[stage]):
                return int(stage)
    return -1


@_jit  # type: ignore[untyped-decorator]
def _excluded(row: Any, rule: Any, spans: Any, exclude: int) -> bool:  # pragma: no cover -- compiled
    """Return whether an exclusion that the event matches is in force."""
    for i in range(spans.shape[0]):
        if (exclude >> i) & 1:
            after, before = spans[i, 0], spans[i, 1]
            if rule[R_ANY]:
                reached = row[REACHED]
                if (reached >> after) & 1 and (before < 0 or not (reached >> before) & 1):
                    return True
            elif row[CURRENT] >= after and (before < 0 or row[CURRENT] < before):
                return True
    return False


@_jit  # type: ignore[untyped-decorator]
def _reach(
    row: Any, stage_time: Any, stage_channel: Any, stage_order: Any, stage: int, ts: int, channel: int
) -> None:  # pragma: no cover -- compiled
    """Note that a stage was reached."""
    row[CURRENT] = stage
    row[REACHED] |= np.int64(1) << stage
    stage_time[stage] = ts
    stage_channel[stage] = channel
    stage_order[stage] = row[N_REACHED]
    row[N_REACHED] += 1


@_jit  # type: ignore[untyped-decorator]
def _begin(row: Any, customer: int, value: int, ts: int) -> None:  # pragma: no cover -- compiled
    """Open a journey in an unused row."""
    row[:] = 0
    row[CUSTOMER] = customer
    row[VALUE] = value
    row[START] = ts
    row[ANCHOR] = ts
    row[REASON_STAGE] = -1
    row[LAST_CHANNEL] = -1


@_jit  # type: ignore[untyped-decorator]
def _later(rows: Any, a: int, b: int) -> bool:  # pragma: no cover -- compiled
    """Return whether journey a started after journey b (ties: the higher value)."""
    if rows[a, START] != rows[b, START]:
        return bool(rows[a, START] > rows[b, START])
    return bool(rows[a, VALUE] > rows[b, VALUE])


@_jit  # type: ignore[untyped-decorator]
def _push(rows: Any, heap: Any, size: int, item: int) -> int:  # pragma: no cover -- compiled
    """Add a journey to the heap and return the new size."""
    at = size
    while at > 0 and _later(rows, item, heap[(at - 1) // 2]):
        heap[at] = heap[(at - 1) // 2]
        at = (at - 1) // 2
    heap[at] = item
    return size + 1


@_jit  # type: ignore[untyped-decorator]
def _pop(rows: Any, heap: Any, size: int) -> int:  # pragma: no cover -- compiled
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


@_jit  # type: ignore[untyped-decorator]
def _meet(row: Any, rule: Any, within: Any, next_required: Any, spans: Any, mask: int, exclude: int,
          ts: int, may_advance: bool) -> int:  # pragma: no cover -- compiled  # fmt: skip
    """Say what an in-scope event does to an open journey: the stage it reaches, or -1 - the role.

    -1 touchpoint, -2 exclusion, -3 restart, -4 strict break, -5 strict break that may start the next.
    """
    if may_advance and mask != 0:
        stage = _candidate(row, rule, within, next_required, mask, ts)
        if stage >= 0:
            return int(stage)
    if exclude != 0 and _excluded(row, rule, spans, exclude):
        return -2
    starts = may_advance and (mask & 1) != 0
    if rule[R_RESTART] and starts:
        return -3
    if rule[R_STRICT]:
        return -5 if starts and not rule[R_ONCE] else -4
    return -1


@_jit  # type: ignore[untyped-decorator]
def _count_return(row: Any, any_order: int, mask: int) -> None:  # pragma: no cover -- compiled
    """Count a repeat of the current stage or a way back to an earlier one."""
    if (mask >> row[CURRENT]) & 1:
        row[REPEATS] += 1
    elif not any_order and mask & ((np.int64(1) << row[CURRENT]) - 1):
        row[BACKTRACKS] += 1


@_jit  # type: ignore[untyped-decorator]
def _close_customer(rows: Any, first: int, last: int, as_of: int) -> None:  # pragma: no cover -- compiled
    """Bring the journeys still open to their end as of the snapshot."""
    for j in range(first, last):
        if rows[j, STATUS] == OPEN:
            if rows[j, DUE] < as_of:
                _abandon(rows[j])
            else:
                rows[j, END] = as_of


@_jit  # type: ignore[untyped-decorator]
def run(events: Any, rule: Any, within: Any, next_required: Any, spans: Any, rows: Any, stage_time: Any,
        stage_channel: Any, stage_order: Any, known: Any, by_value: Any, heap: Any, members: Any) -> int:  # pragma: no cover -- compiled  # fmt: skip
    """Match all customers; ``rows`` and its companions have room for every possible journey.

    Returns:
        The number of journeys written.
    """
    customers, times, masks, excludes, in_scope, channels, values, captured = events
    n, first, heap_size, single = 0, 0, 0, -1
    correlate = rule[R_CORRELATE] != 0
    customer = np.int64(-1)
    for i in range(times.size):
        if customers[i] != customer:
            _close_customer(rows, first, n, rule[R_AS_OF])
            customer, first, heap_size, single = np.int64(customers[i]), n, 0, -1
        ts, mask, value = times[i], masks[i], np.int64(-1)
        target = single  # the journey of this event, open or ended; -1: there never was one
        if correlate:
            value = np.int64(values[i])
            target = -1
            if value >= 0:
                target = by_value[value] if by_value[value] >= first else -1
            else:
                while heap_size > 0 and target < 0:
                    target = heap[0]
                    if rows[target, STATUS] == OPEN and rows[target, DUE] < ts:
                        _abandon(rows[target])
                    if rows[target, STATUS] != OPEN:
                        heap_size = _pop(rows, heap, heap_size)
                        target = -1
        if target >= 0 and rows[target, STATUS] == OPEN and rows[target, DUE] < ts:
            _abandon(rows[target])
        may_advance = not correlate or value >= 0
        starts = False
        if target < 0 or rows[target, STATUS] != OPEN:
            starts = may_advance and (mask & 1) != 0 and not (rule[R_ONCE] and target >= 0)
        elif in_scope[i]:
            row = rows[target]
            role = _meet(row, rule, within, next_required, spans, mask, excludes[i], ts, may_advance)
            if role == -3:
                _finish(row, SUPERSEDED, RESTART, ts)
                starts = True
            elif role == -5:
                _finish(row, ABORTED, STRICT, ts)
                starts = True
            else:
                members[i if members.size > 1 else 0] = target
                _touch(row, known[target], ts, channels[i], captured[i])
                if role >= 0:
                    _reach(
                        row,
                        stage_time[target],
                        stage_channel[target],
                        stage_order[target],
                        role,
                        ts,
                        channels[i],
                    )
                    if (rule[R_REQUIRED] >> role) & 1:
                        row[ANCHOR] = ts
                    over = not rule[R_REQUIRED] & ~row[REACHED] if rule[R_ANY] else role == within.size - 1
                    if over:
                        _finish(row, COMPLETED, NO_REASON, ts)
                    else:
                        _set_due(row, rule, within, next_required)
                elif role == -1:
                    _count_return(row, rule[R_ANY], mask)
                    if rule[R_INACTIVITY] >= 0:
                        _set_due(row, rule, within, next_required)
                else:
                    _finish(row, ABORTED, EXCLUSION if role == -2 else STRICT, ts)
        if starts:
            row = rows[n]
            _begin(row, customer, value, ts)
            known[n, :] = 0
            stage_time[n, :] = -1
            stage_channel[n, :] = -1
            stage_order[n, :] = -1
            members[i if members.size > 1 else 0] = n
            _touch(row, known[n], ts, channels[i], captured[i])
            _reach(row, stage_time[n], stage_channel[n], stage_order[n], 0, ts, channels[i])
            _set_due(row, rule, within, next_required)
            if correlate:
                by_value[value] = n
                heap_size = _push(rows, heap, heap_size, n)
            else:
                single = n
            n += 1
    _close_customer(rows, first, n, rule[R_AS_OF])
    return n


@_jit  # type: ignore[untyped-decorator]
def order_by_customer(customers: Any, n_customers: int) -> Any:  # pragma: no cover -- compiled
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
