"""The journey map: where the customers of each arm walked. Counts only, no inference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from abplat.analysis.counted import Counted, count_customers, list_counted
from abplat.analysis.gathered import Gathered, IntArray
from abplat.analysis.journeys.results import STATUSES
from abplat.analysis.plan import AnalysisPlan
from abplat.domain.report import Ending, HandOff, JourneyMap, StageChannel


@dataclass(frozen=True, slots=True)
class Walks:
    """The journeys that count, cut at the horizon. The last channel stands for unknown ones."""

    variants: Sequence[str]
    stages: Sequence[str]
    channels: Sequence[str]
    journeys: Counted
    time: IntArray
    """[:, stage] when the stage was reached."""
    channel: NDArray[np.int64]
    """[:, stage] where the stage was reached, a position in ``channels``."""
    step: NDArray[np.int64]
    """[:, step] the stage reached first, second and so on."""
    n_reached: IntArray
    """How many stages were reached in time."""
    reached: NDArray[np.bool_]
    """[:, stage] whether the stage was reached in time."""
    status: NDArray[np.int8]
    next_stage: NDArray[np.int8]

    def link(self, step: int) -> Link:
        """Return the links between two consecutive stages reached, of the journeys that have them."""
        rows = np.flatnonzero(self.n_reached > step + 1)
        source, target = self.step[rows, step], self.step[rows, step + 1]
        return Link(rows, source, target, self.channel[rows, source], self.channel[rows, target])


@dataclass(frozen=True, slots=True)
class Link:
    """Links between two stages: journey, stages, channels."""

    rows: IntArray
    source: IntArray
    target: IntArray
    came: IntArray
    went: IntArray


def draw_journey_map(gathered: Gathered, plan: AnalysisPlan) -> JourneyMap:
    """Count stages by channel, hand-offs and endings over the mature customers of each arm."""
    walks = walk(gathered, plan)
    return JourneyMap(
        stages=tuple(_stage_cells(walks)), hand_offs=tuple(_hand_offs(walks)), endings=tuple(_endings(walks))
    )


def walk(gathered: Gathered, plan: AnalysisPlan) -> Walks:
    """Return the journeys of the experiment's own definition that count, cut at the horizon."""
    return gathered.once(("walk", id(plan)), lambda: (plan, _walk(gathered, plan)))[1]


def _walk(gathered: Gathered, plan: AnalysisPlan) -> Walks:
    """Cut journeys at the horizon."""
    walked = gathered.walked[plan.journey["key"]]
    journeys, counted = walked.journeys, list_counted(gathered, walked)
    stages = [stage["key"] for stage in plan.journey["stages"]]
    limit = gathered.population.first_exposure[counted.unit] + gathered.horizon_us
    time, order = journeys.stage_time[counted.rows], journeys.stage_order[counted.rows]
    reached = (order >= 0) & (time <= limit[:, None])
    channel = journeys.stage_channel[counted.rows].astype(np.int64)
    return Walks(
        variants=[variant.key for variant in plan.variants],
        stages=stages,
        channels=(*walked.channels, "unknown"),
        journeys=counted,
        time=time,
        channel=np.where(channel < 0, len(walked.channels), channel),
        step=np.argsort(np.where(reached, order, len(stages)), axis=1, kind="stable"),
        n_reached=reached.sum(axis=1),
        reached=reached,
        status=journeys.status[counted.rows],
        next_stage=journeys.next_stage[counted.rows],
    )


def _stage_cells(walks: Walks) -> list[StageChannel]:
    """Count the customers per stage and channel."""
    n_channels, n_stages = len(walks.channels), len(walks.stages)
    labels = np.where(walks.reached, walks.channel + n_channels * np.arange(n_stages), -1)
    found = count_customers(walks.journeys, labels, n_channels * n_stages, len(walks.variants))
    return [
        StageChannel(
            variant=variant,
            stage=stage,
            channel=walks.channels[place],
            n=int(counts[at * n_channels + place]),
        )
        for variant, counts in zip(walks.variants, found, strict=True)
        for at, stage in enumerate(walks.stages)
        for place in (n_channels - 1, *range(n_channels - 1))  # the unknown one first
        if counts[at * n_channels + place]
    ]


def _hand_offs(walks: Walks) -> list[HandOff]:
    """Count the links between consecutive reached stages, with the median time they took."""
    # As they are listed, an unknown channel comes before all others.
    n_channels, n_stages = len(walks.channels), len(walks.stages)
    shape = (len(walks.variants), n_stages, n_stages, n_channels, n_channels)
    keys, spans = [], []
    for step in range(n_stages - 1):
        link = walks.link(step)
        places = (link.source, link.target, (link.came + 1) % n_channels, (link.went + 1) % n_channels)
        keys.append(np.ravel_multi_index((walks.journeys.arm[link.rows], *places), shape))
        spans.append(walks.time[link.rows, link.target] - walks.time[link.rows, link.source])
    key, span = np.concatenate(keys), np.concatenate(spans)
    if not key.size:
        return []
    order = np.argsort(key, kind="stable")
    met, begins = np.unique(key[order], return_index=True)
    return [
        _hand_off(walks, np.unravel_index(code, shape), part)
        for code, part in zip(met, np.split(span[order], begins[1:]), strict=True)
    ]


def _hand_off(walks: Walks, places: Sequence[np.intp], spans: IntArray) -> HandOff:
    """Describe the links of one kind."""
    variant, source, target, came, went = (int(place) for place in places)
    return HandOff(
        variant=walks.variants[variant],
        source=walks.stages[source],
        target=walks.stages[target],
        from_channel=walks.channels[came - 1],
        to_channel=walks.channels[went - 1],
        n=len(spans),
        median_seconds=float(np.median(spans)) / 1e6,
    )


def _endings(walks: Walks) -> list[Ending]:
    """Count how journeys ended, and which stage was missing."""
    shape = (len(walks.variants), len(STATUSES), len(walks.stages) + 1)
    key = np.ravel_multi_index((walks.journeys.arm, walks.status, walks.next_stage + 1), shape)
    counts = np.bincount(key, minlength=int(np.prod(shape))).reshape(shape)
    return [
        Ending(
            variant=walks.variants[variant],
            status=STATUSES[status],
            next_stage=walks.stages[missing - 1] if missing else None,
            n=int(counts[variant, status, missing]),
        )
        for variant, status, missing in np.argwhere(counts).tolist()
    ]
