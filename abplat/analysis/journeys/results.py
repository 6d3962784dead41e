"""What the matcher finds: columns for analysis, and one readable object per journey."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from abplat.analysis.journeys.journey import Journey, Link
from abplat.domain.journeys import JourneyDefinition

Ints: TypeAlias = NDArray[np.int64]

STATUSES = ("open", "completed", "abandoned", "aborted", "superseded")
OPEN, COMPLETED, ABANDONED, ABORTED, SUPERSEDED = range(5)
REASONS = (None, "window", "within", "inactivity", "exclusion", "restart", "strict")


@dataclass(frozen=True, slots=True)
class JourneyColumns:
    """All journeys of a definition as of one instant, ordered by customer, start, value.

    Every field has one entry per journey; those of two dimensions have one column per stage of the
    definition, in its order.
    """

    customer: NDArray[np.int32]
    n: NDArray[np.int32]
    """1.. within the customer."""
    key: NDArray[np.int32]
    """Correlation value as a position in ``EventColumns.values``; -1 without ``correlate_by``."""
    status: NDArray[np.int8]
    """Position in ``STATUSES``."""
    reason: NDArray[np.int8]
    """Position in ``REASONS``."""
    reason_stage: NDArray[np.int8]
    """The stage that a reason ``within`` speaks of, else -1."""
    provisional: NDArray[np.bool_]
    start: Ints
    end: Ints
    next_stage: NDArray[np.int8]
    """The first required stage missing; -1 when completed."""
    touchpoints: NDArray[np.int32]
    switches: NDArray[np.int32]
    repeats: NDArray[np.int32]
    backtracks: NDArray[np.int32]
    recaptures: NDArray[np.int32]
    stage_time: Ints
    """[:, stage], -1 where not reached."""
    stage_channel: NDArray[np.int32]
    """[:, stage], position in ``EventColumns.channels``; -1 where unknown or not reached."""
    stage_order: NDArray[np.int8]
    """[:, stage], 0 for the stage reached first, -1 where not reached."""
    member: NDArray[np.int32] | None = None
    """Per event of the input, the journey it belongs to or -1. Only where asked for."""

    def __len__(self) -> int:
        """Return the number of journeys."""
        return int(self.customer.size)

    @property
    def completed(self) -> NDArray[np.bool_]:
        """Return which journeys were completed."""
        return np.asarray(self.status == COMPLETED)

    @property
    def reached(self) -> NDArray[np.bool_]:
        """Return [:, stage] whether the stage was reached."""
        return np.asarray(self.stage_order >= 0)


def channel_paths(journeys: JourneyColumns, channel: NDArray[np.int32]) -> list[tuple[int, ...]]:
    """Return the channels each journey went through, without consecutive repeats.

    Args:
        journeys: Matched with ``members=True``.
        channel: The channel column of the same events.
    """
    if journeys.member is None:
        msg = "match with members=True to ask for channel paths"
        raise ValueError(msg)
    used = np.flatnonzero((journeys.member >= 0) & (channel >= 0))
    used = used[np.argsort(journeys.member[used], kind="stable")]
    owner, path = journeys.member[used], channel[used]
    keep = np.ones(used.size, bool)
    keep[1:] = (owner[1:] != owner[:-1]) | (path[1:] != path[:-1])
    ends = np.searchsorted(owner[keep], np.arange(len(journeys) + 1))
    flat = path[keep].tolist()
    return [tuple(flat[a:b]) for a, b in zip(ends[:-1].tolist(), ends[1:].tolist(), strict=True)]


def describe(
    journeys: JourneyColumns, definition: JourneyDefinition, events: Any, customers: Sequence[str]
) -> list[Journey]:
    """Return the journeys as readable objects: for tests, case files and single customers.

    Args:
        journeys: Matched with ``members=True``.
        definition: The definition they were matched with.
        events: The ``EventColumns`` they were matched on.
        customers: Customer names by code.
    """
    paths = channel_paths(journeys, events.channel)
    return [
        _describe_one(journeys, i, definition, events, str(customers[journeys.customer[i]]), paths[i])
        for i in range(len(journeys))
    ]


def _describe_one(
    columns: JourneyColumns,
    i: int,
    definition: JourneyDefinition,
    events: Any,
    customer: str,
    path: tuple[int, ...],
) -> Journey:
    """Put one row into words."""
    names = definition.stage_keys
    order = columns.stage_order[i]
    stages = [int(s) for s in np.argsort(order, kind="stable") if order[s] >= 0]
    return Journey(
        customer=customer,
        n=int(columns.n[i]),
        key=None if columns.key[i] < 0 else events.values[columns.key[i]],
        status=STATUSES[columns.status[i]],
        reason=_reason(columns, i, names),
        provisional=bool(columns.provisional[i]),
        start_us=int(columns.start[i]),
        end_us=int(columns.end[i]),
        reached=tuple((names[s], int(columns.stage_time[i, s])) for s in stages),
        next_stage=None if columns.next_stage[i] < 0 else names[columns.next_stage[i]],
        touchpoints=int(columns.touchpoints[i]),
        channels=tuple(events.channels[code] for code in path),
        channel_switches=int(columns.switches[i]),
        links=_links(columns, i, names, stages, events.channels),
        repeats=int(columns.repeats[i]),
        backtracks=int(columns.backtracks[i]),
        recaptures=int(columns.recaptures[i]),
    )


def _reason(columns: JourneyColumns, i: int, names: tuple[str, ...]) -> str | None:
    """Return the reason, with its stage where it has one."""
    reason = REASONS[columns.reason[i]]
    return f"within:{names[columns.reason_stage[i]]}" if reason == "within" else reason


def _links(
    columns: JourneyColumns, i: int, names: tuple[str, ...], stages: list[int], channels: Sequence[str]
) -> tuple[Link, ...]:
    """Return the moves between consecutive reached stages."""

    def channel(stage: int) -> str | None:
        code = int(columns.stage_channel[i, stage])
        return None if code < 0 else channels[code]

    times = columns.stage_time[i]
    return tuple(
        Link(names[a], names[b], channel(a), channel(b), int(times[b] - times[a]))
        for a, b in pairwise(stages)
    )
