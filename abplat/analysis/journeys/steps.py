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

from abplat.analysis.journeys.encode import EventColumns
from abplat.analysis.journeys.results import ABORTED, JourneyColumns, channel_paths


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
    found = channel_paths(journeys, events.channel)
    paths = tuple(sorted(set(found)))
    place = {path: position for position, path in enumerate(paths)}
    member = np.asarray(journeys.member, np.int64)
    inside = np.flatnonzero(member >= 0)
    owner, mask = member[inside], events.stage_mask[inside]
    n, n_stages = journeys.stage_time.shape
    rework = np.zeros((n, n_stages), np.int64)
    for stage in range(n_stages):
        hit = (mask >> stage) & 1 == 1
        total = np.bincount(owner[hit], minlength=n)
        rework[:, stage] = np.maximum(total - journeys.reached[:, stage], 0)
    planned = ~_failures(journeys, owner, events.ts[inside])
    ad_hoc = np.bincount(owner[planned & (mask == 0)], minlength=n)
    of_stages = np.bincount(owner[planned & (mask != 0)], minlength=n)
    return JourneySteps(
        path=np.fromiter((place[path] for path in found), np.int64, n),
        paths=paths,
        ad_hoc=ad_hoc.astype(np.int64),
        out_of_order=_count_out_of_order(journeys, of_stages),
        rework=rework,
    )


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
    used = np.unique(path)
    return JourneySteps(
        path=np.searchsorted(used, path),
        paths=tuple(steps.paths[place] for place in used.tolist()),
        ad_hoc=steps.ad_hoc[chosen],
        out_of_order=steps.out_of_order[chosen],
        rework=steps.rework[chosen],
    )


def _failures(journeys: JourneyColumns, owner: NDArray[np.int64], ts: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which touchpoints broke their journey: the last one of an aborted journey, at its end."""
    last = np.full(len(journeys), -1, np.int64)
    last[owner] = np.arange(owner.size)
    broken = np.flatnonzero((journeys.status == ABORTED) & (last >= 0))
    broken = broken[ts[last[broken]] == journeys.end[broken]]
    failed = np.zeros(owner.size, bool)
    failed[last[broken]] = True
    return failed


def _count_out_of_order(journeys: JourneyColumns, of_stages: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the touchpoints of stages that neither reached one nor repeated the present one."""
    rest = of_stages - journeys.reached.sum(axis=1) - journeys.repeats
    return np.asarray(np.maximum(rest, 0), np.int64)
