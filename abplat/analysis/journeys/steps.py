"""What happened inside each journey: the channels it went through, and what was not planned.

The planned journey is its definition. What a customer really did differs from it in four ways
(CJML): touchpoints that are no stage, stages done out of their order, stages that failed, and
stages that are missing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from abplat.analysis.journeys import steps_kernel as k
from abplat.analysis.journeys.encode import EventColumns
from abplat.analysis.journeys.results import ABORTED, JourneyColumns


@dataclass(frozen=True, slots=True)
class JourneySteps:
    """One entry per journey.

    Attributes:
        path: The channels in their order without consecutive repeats, as a position in ``paths``.
        paths: Every path met, as positions in the channels of the events; sorted.
        ad_hoc: Touchpoints that belong to no stage.
        out_of_order: Touchpoints of a stage that was passed already, or whose turn had not come.
        rework: [:, stage] touchpoints of a stage beyond the one that reached it.
    """

    path: NDArray[np.int64]
    paths: tuple[tuple[int, ...], ...]
    ad_hoc: NDArray[np.int64]
    out_of_order: NDArray[np.int64]
    rework: NDArray[np.int64]


def trace(journeys: JourneyColumns, events: EventColumns) -> JourneySteps:
    """Say what happened inside each journey.

    Args:
        journeys: Matched with ``members=True``.
        events: The events they were matched on.
    """
    if journeys.member is None:
        msg = "match with members=True to trace journeys"
        raise ValueError(msg)
    n, n_stages = journeys.stage_time.shape
    path, paths = _find_paths(journeys.member, events.channel, n)
    ad_hoc, of_stages = np.zeros(n, np.int64), np.zeros(n, np.int64)
    total = np.zeros((n, n_stages), np.int64)
    aborted = journeys.status == ABORTED
    k.count_steps(
        journeys.member, events.stage_mask, events.ts, aborted, journeys.end, ad_hoc, of_stages, total
    )
    return JourneySteps(
        path=path,
        paths=paths,
        ad_hoc=ad_hoc,
        out_of_order=_count_out_of_order(journeys, of_stages),
        rework=np.maximum(total - journeys.reached, 0),
    )


def _find_paths(
    member: NDArray[np.int32], channel: NDArray[np.int32], n: int
) -> tuple[NDArray[np.int64], tuple[tuple[int, ...], ...]]:
    """Return the path of every journey, and all paths met."""
    node = np.full(n, k.ROOT, np.int32)
    parent, channel_of = k.walk_paths(member, channel, node, int(channel.max(initial=0)) + 1)
    used = np.zeros(parent.size, bool)
    used[node] = True
    ends = np.flatnonzero(used)
    tree = parent.tolist(), channel_of.tolist()
    ways = sorted((_spell(end, *tree), end) for end in ends.tolist())
    place = np.empty(parent.size, np.int64)
    place[[end for _, end in ways]] = np.arange(ends.size)
    return place[node], tuple(way for way, _ in ways)


def _spell(node: int, parent: Sequence[int], channel_of: Sequence[int]) -> tuple[int, ...]:
    """Return the way from the root of a tree to a node."""
    way = []
    while node != k.ROOT:
        way.append(channel_of[node])
        node = parent[node]
    return tuple(reversed(way))


def join_steps(parts: Sequence[JourneySteps]) -> JourneySteps:
    """Put together what happened inside the journeys of several parts, one after the other."""
    paths = tuple(sorted({path for part in parts for path in part.paths}))
    place = {path: position for position, path in enumerate(paths)}
    moved = [np.array([place[path] for path in part.paths], np.int64)[part.path] for part in parts]
    rest = {
        name: np.concatenate([getattr(part, name) for part in parts])
        for name in ("ad_hoc", "out_of_order", "rework")
    }
    return JourneySteps(path=np.concatenate(moved), paths=paths, **rest)


def pick_steps(steps: JourneySteps, chosen: NDArray[np.bool_] | NDArray[np.intp]) -> JourneySteps:
    """Return what happened inside chosen journeys, in the order in which they were chosen.

    Paths that none of them went are forgotten.
    """
    path = steps.path[chosen]
    is_used = np.zeros(len(steps.paths), bool)
    is_used[path] = True
    place = np.cumsum(is_used) - 1
    return JourneySteps(
        path=place[path],
        paths=tuple(way for way, used in zip(steps.paths, is_used.tolist(), strict=True) if used),
        ad_hoc=steps.ad_hoc[chosen],
        out_of_order=steps.out_of_order[chosen],
        rework=steps.rework[chosen],
    )


def _count_out_of_order(journeys: JourneyColumns, of_stages: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the touchpoints of stages that neither reached one nor repeated the present one."""
    rest = of_stages - journeys.reached.sum(axis=1) - journeys.repeats
    return np.asarray(np.maximum(rest, 0), np.int64)
