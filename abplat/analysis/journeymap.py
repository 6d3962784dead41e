"""The journey map: where the customers of each arm walked. Counts only, no inference."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from abplat.analysis.units import ExposedUnits, IntArray, PostJourneys, deadline
from abplat.domain.report import Ending, HandOff, JourneyMap, StageChannel


def draw_journey_map(
    units: ExposedUnits,
    journeys: PostJourneys,
    variants: Sequence[str],
    stages: Sequence[str],
    names: tuple[Sequence[str], Sequence[str]],
) -> JourneyMap:
    """Count stages by channel, hand-offs and endings over the mature customers of each arm.

    Args:
        units: Exposed customers.
        journeys: Their journeys after the exposure.
        variants: Variant keys, in the order of the plan.
        stages: Stage keys, in the order of the journey.
        names: Channel names and status names, by code.
    """
    channels, statuses = names
    picked = units.mature[journeys.unit]
    variant = units.variant[journeys.unit]
    limit = deadline(units)[journeys.unit]
    cells: list[StageChannel] = []
    hand_offs: list[HandOff] = []
    endings: list[Ending] = []
    for position, key in enumerate(variants):
        mine = np.flatnonzero(picked & (variant == position))
        cells += _stage_cells(journeys, mine, limit, key, stages, channels)
        hand_offs += _hand_offs(journeys, mine, limit, key, stages, channels)
        endings += _endings(journeys, mine, key, stages, statuses)
    return JourneyMap(stages=tuple(cells), hand_offs=tuple(hand_offs), endings=tuple(endings))


def _stage_cells(
    journeys: PostJourneys,
    mine: IntArray,
    limit: IntArray,
    variant: str,
    stages: Sequence[str],
    channels: Sequence[str],
) -> list[StageChannel]:
    """Count the customers of one arm per stage and channel."""
    cells = []
    for stage, key in enumerate(stages):
        hit = mine[journeys.stage_us[mine, stage] <= limit[mine]]
        pairs = np.unique(np.stack([journeys.stage_channel[hit, stage], journeys.unit[hit]]), axis=1)
        codes, counts = np.unique(pairs[0], return_counts=True)
        cells += [
            StageChannel(variant=variant, stage=key, channel=_name(channels, code), n=int(count))
            for code, count in zip(codes, counts, strict=True)
        ]
    return cells


def _hand_offs(
    journeys: PostJourneys,
    mine: IntArray,
    limit: IntArray,
    variant: str,
    stages: Sequence[str],
    channels: Sequence[str],
) -> list[HandOff]:
    """Count the links between consecutive reached stages, with the median time they took."""
    found = []
    groups: dict[tuple[int, int, int, int], list[IntArray]] = {}
    inside = (journeys.stage_order[mine] >= 0) & (journeys.stage_us[mine] <= limit[mine, None])
    place = np.where(inside, journeys.stage_order[mine], len(stages))
    order = np.argsort(place, axis=1, kind="stable")
    reached = inside.sum(axis=1)
    for step in range(len(stages) - 1):
        rows = np.flatnonzero(reached > step + 1)
        _collect(journeys, mine[rows], order[rows, step], order[rows, step + 1], groups)
    for (source_, target_, from_, to_), parts in sorted(groups.items()):
        spans = np.concatenate(parts)
        found.append(
            HandOff(
                variant=variant,
                source=stages[source_],
                target=stages[target_],
                from_channel=_name(channels, from_),
                to_channel=_name(channels, to_),
                n=len(spans),
                median_seconds=float(np.median(spans)) / 1e6,
            )
        )
    return found


def _collect(
    journeys: PostJourneys,
    rows: IntArray,
    source: IntArray,
    target: IntArray,
    groups: dict[tuple[int, int, int, int], list[IntArray]],
) -> None:
    """Add the time spans of one step to their groups."""
    spans = journeys.stage_us[rows, target] - journeys.stage_us[rows, source]
    came, went = journeys.stage_channel[rows, source], journeys.stage_channel[rows, target]
    keys = np.stack([source, target, came, went], axis=1).astype(np.int64)
    distinct, inverse = np.unique(keys, axis=0, return_inverse=True)
    for index, key in enumerate(distinct):
        a, b, c, d = (int(part) for part in key)
        groups.setdefault((a, b, c, d), []).append(spans[inverse.ravel() == index])


def _endings(
    journeys: PostJourneys, mine: IntArray, variant: str, stages: Sequence[str], statuses: Sequence[str]
) -> list[Ending]:
    """Count how journeys ended, and which stage was missing."""
    pairs = np.stack([journeys.status[mine], journeys.next_stage[mine]], axis=1).astype(np.int64)
    distinct, counts = np.unique(pairs, axis=0, return_counts=True)
    return [
        Ending(
            variant=variant,
            status=statuses[int(status)],
            next_stage=None if missing < 0 else stages[int(missing)],
            n=int(count),
        )
        for (status, missing), count in zip(distinct, counts, strict=True)
    ]


def _name(channels: Sequence[str], code: int) -> str:
    """Return the name of a channel code."""
    return channels[int(code)] if code >= 0 else "unknown"
