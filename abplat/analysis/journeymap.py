"""The journey map: where the customers of each arm walked. Counts only, no inference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from abplat.analysis.gathered import Gathered, IntArray, WalkedJourney
from abplat.analysis.journeys.results import STATUSES
from abplat.analysis.plan import AnalysisPlan
from abplat.domain.report import Ending, HandOff, JourneyMap, StageChannel


@dataclass(frozen=True, slots=True)
class Walk:
    """The journeys of one arm that count, cut at the horizon."""

    variant: str
    stages: Sequence[str]
    channels: Sequence[str]
    unit: IntArray
    time: IntArray
    channel: NDArray[np.int32]
    order: NDArray[np.int64]
    """[:, stage], 0 for the stage reached first; the number of stages where it was not reached in time."""
    status: NDArray[np.int8]
    next_stage: NDArray[np.int8]


def draw_journey_map(gathered: Gathered, plan: AnalysisPlan) -> JourneyMap:
    """Count stages by channel, hand-offs and endings over the mature customers of each arm."""
    stages = [stage["key"] for stage in plan.journey["stages"]]
    walked = gathered.walked[plan.journey["key"]]
    walks = [
        walk_arm(gathered, walked, position, variant.key, stages)
        for position, variant in enumerate(plan.variants)
    ]
    return JourneyMap(
        stages=tuple(cell for walk in walks for cell in _stage_cells(walk)),
        hand_offs=tuple(arrow for walk in walks for arrow in _hand_offs(walk)),
        endings=tuple(ending for walk in walks for ending in _endings(walk)),
    )


def walk_arm(
    gathered: Gathered, walked: WalkedJourney, position: int, key: str, stages: Sequence[str]
) -> Walk:
    """Return the journeys of one arm that count, cut at the horizon."""
    journeys = walked.journeys
    mine = np.flatnonzero(walked.counted)
    mine = mine[gathered.arm(position)[walked.unit[mine]]]
    unit = walked.unit[mine]
    limit = gathered.population.first_exposure[unit] + gathered.horizon_us
    time = journeys.stage_time[mine]
    inside = (journeys.stage_order[mine] >= 0) & (time <= limit[:, None])
    return Walk(
        variant=key,
        stages=stages,
        channels=walked.channels,
        unit=unit,
        time=time,
        channel=journeys.stage_channel[mine],
        order=np.where(inside, journeys.stage_order[mine], len(stages)).astype(np.int64),
        status=journeys.status[mine],
        next_stage=journeys.next_stage[mine],
    )


def _stage_cells(walk: Walk) -> list[StageChannel]:
    """Count the customers per stage and channel."""
    cells = []
    for stage, key in enumerate(walk.stages):
        hit = walk.order[:, stage] < len(walk.stages)
        pairs = np.unique(np.stack([walk.channel[hit, stage], walk.unit[hit]]), axis=1)
        codes, counts = np.unique(pairs[0], return_counts=True)
        cells += [
            StageChannel(variant=walk.variant, stage=key, channel=_name(walk, int(code)), n=int(count))
            for code, count in zip(codes, counts, strict=True)
        ]
    return cells


def _hand_offs(walk: Walk) -> list[HandOff]:
    """Count the links between consecutive reached stages, with the median time they took."""
    groups: dict[tuple[int, ...], list[IntArray]] = {}
    order = np.argsort(walk.order, axis=1, kind="stable")
    reached = (walk.order < len(walk.stages)).sum(axis=1)
    for step in range(len(walk.stages) - 1):
        rows = np.flatnonzero(reached > step + 1)
        _collect(walk, rows, (order[rows, step], order[rows, step + 1]), groups)
    found = []
    for (source, target, came, went), parts in sorted(groups.items()):
        spans = np.concatenate(parts)
        found.append(
            HandOff(
                variant=walk.variant,
                source=walk.stages[source],
                target=walk.stages[target],
                from_channel=_name(walk, came),
                to_channel=_name(walk, went),
                n=len(spans),
                median_seconds=float(np.median(spans)) / 1e6,
            )
        )
    return found


def _collect(
    walk: Walk,
    rows: IntArray,
    link: tuple[IntArray, IntArray],
    groups: dict[tuple[int, ...], list[IntArray]],
) -> None:
    """Add the time spans of one step to their groups."""
    source, target = link
    spans = walk.time[rows, target] - walk.time[rows, source]
    keys = np.stack([source, target, walk.channel[rows, source], walk.channel[rows, target]], axis=1)
    distinct, inverse = np.unique(keys, axis=0, return_inverse=True)
    for index, key in enumerate(distinct.tolist()):
        groups.setdefault(tuple(key), []).append(spans[inverse.ravel() == index])


def _endings(walk: Walk) -> list[Ending]:
    """Count how journeys ended, and which stage was missing."""
    pairs = np.stack([walk.status, walk.next_stage], axis=1)
    distinct, counts = np.unique(pairs, axis=0, return_counts=True)
    return [
        Ending(
            variant=walk.variant,
            status=STATUSES[status],
            next_stage=None if missing < 0 else walk.stages[missing],
            n=int(count),
        )
        for (status, missing), count in zip(distinct.tolist(), counts, strict=True)
    ]


def _name(walk: Walk, code: int) -> str:
    """Return the name of a channel code."""
    return walk.channels[code] if code >= 0 else "unknown"
