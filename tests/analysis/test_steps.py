"""The compiled account of what happened inside journeys equals a plain one."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from abplat.analysis.journeys.encode import EventColumns, encode_rows
from abplat.analysis.journeys.events import EventRow
from abplat.analysis.journeys.matcher import match_journeys
from abplat.analysis.journeys.results import ABORTED, JourneyColumns, channel_paths
from abplat.analysis.journeys.steps import JourneySteps, join_steps, trace
from abplat.domain.journeys import JourneyDefinition

from .journey_strategies import SECOND, definitions, histories
from .test_matcher_properties import thorough


def match(
    definition: JourneyDefinition, rows: list[EventRow], as_of: int
) -> tuple[JourneyColumns, EventColumns]:
    """Return journeys and the events they were found in."""
    events, _ = encode_rows(definition, rows, as_of * SECOND)
    return match_journeys(definition, events, as_of * SECOND, members=True), events


def count_plainly(journeys: JourneyColumns, events: EventColumns) -> list[tuple[int, int, list[int]]]:
    """Return per journey what is ad hoc, what is out of order, and the rework per stage."""
    found = []
    for j in range(len(journeys)):
        inside = np.flatnonzero(journeys.member == j).tolist()
        masks = [int(events.stage_mask[i]) for i in inside]
        reached = journeys.reached[j].tolist()
        rework = [max(sum(m >> s & 1 for m in masks) - reached[s], 0) for s in range(len(reached))]
        if journeys.status[j] == ABORTED and events.ts[inside[-1]] == journeys.end[j]:
            masks.pop()
        of_stages = sum(mask != 0 for mask in masks)
        out_of_order = max(of_stages - sum(reached) - int(journeys.repeats[j]), 0)
        found.append((masks.count(0), out_of_order, rework))
    return found


@thorough
@given(definitions(), histories(), st.integers(0, 60))
def test_compiled_steps_equal_plain_ones(
    definition: JourneyDefinition, rows: list[EventRow], as_of: int
) -> None:
    """Paths, ad hoc touchpoints, those out of order and rework."""
    journeys, events = match(definition, rows, as_of)
    found = trace(journeys, events)
    paths = channel_paths(journeys, events.channel)

    assert found.paths == tuple(sorted(set(paths)))
    assert [found.paths[place] for place in found.path.tolist()] == paths
    counted = zip(found.ad_hoc.tolist(), found.out_of_order.tolist(), found.rework.tolist(), strict=True)
    assert list(counted) == count_plainly(journeys, events)


@thorough
@given(definitions(), histories(), histories())
def test_steps_of_parts_are_joined(
    definition: JourneyDefinition, first: list[EventRow], second: list[EventRow]
) -> None:
    """Each journey keeps its path, and no path is named twice."""
    parts: list[JourneySteps] = [trace(*match(definition, rows, 50)) for rows in (first, second)]
    joined = join_steps(parts)

    apart = [part.paths[place] for part in parts for place in part.path.tolist()]
    assert [joined.paths[place] for place in joined.path.tolist()] == apart
    assert joined.paths == tuple(sorted(set(joined.paths)))


def test_many_paths_are_told_apart() -> None:
    """The tree of paths grows."""
    n = 4_000
    member = np.repeat(np.arange(n, dtype=np.int32), 3)
    channel = np.stack([np.arange(n) % 37, np.arange(n) % 41 + 40, np.arange(n) % 43 + 90], axis=1)
    one = np.zeros((n, 1), np.int64)
    nothing = np.zeros(n, np.int32)
    journeys = JourneyColumns(
        customer=nothing, n=nothing, key=nothing, status=nothing.astype(np.int8),
        reason=nothing.astype(np.int8), reason_stage=nothing.astype(np.int8), provisional=nothing > 0,
        start=one[:, 0], end=one[:, 0], next_stage=nothing.astype(np.int8), touchpoints=nothing,
        switches=nothing, repeats=nothing, backtracks=nothing, recaptures=nothing,
        stage_time=one, stage_channel=one.astype(np.int32), stage_order=one.astype(np.int8), member=member,
    )  # fmt: skip
    flat = channel.ravel().astype(np.int32)
    zeros = np.zeros(flat.size, np.int64)
    events = EventColumns(
        customer=member, ts=zeros, stage_mask=zeros, exclude_mask=zeros, in_scope=zeros == 0, channel=flat,
        value=flat, captured=np.zeros((flat.size, 0), np.uint64), source=zeros, channels=(), values=(),
    )  # fmt: skip
    found = trace(journeys, events)

    assert [found.paths[place] for place in found.path.tolist()] == channel_paths(journeys, flat)
