"""Count the journeys of everybody that began in the last weeks: for maps and previews, never for a verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from abplat.analysis.identity import resolve
from abplat.analysis.journeys.matcher import match_journeys
from abplat.analysis.journeys.results import COMPLETED, OPEN, STATUSES, JourneyColumns
from abplat.analysis.snapshot import Snapshot
from abplat.clock import format_instant, from_micros
from abplat.config import Settings
from abplat.domain.journey_counts import DAYS, Cell, End, JourneyCounts, Way
from abplat.domain.journeys import parse_journey
from abplat.facts.lake import Lake

_DAY_US = 86_400_000_000


@dataclass(frozen=True, slots=True)
class _Walks:
    """The journeys that are counted."""

    stages: Sequence[str]
    channels: Sequence[str]
    journeys: JourneyColumns
    chosen: NDArray[np.int64]
    order: NDArray[np.int64]
    """[:, stage], 0 for the stage reached first; the number of stages where it was not reached."""


def count_journeys(
    lake: Lake, project: str, document: Mapping[str, Any], as_of_us: int, settings: Settings
) -> JourneyCounts:
    """Match a definition against the events of everybody and count.

    Args:
        lake: The facts.
        project: Whose.
        document: Definition of the journey.
        as_of_us: What was known then; journeys that began in the 28 days before it are counted.
        settings: What the engine may use.
    """
    definition = parse_journey(dict(document), require_owner=False)
    begin = as_of_us - DAYS * _DAY_US
    with Snapshot(lake, project, as_of_us, settings) as snapshot:
        actors = snapshot.actors()
        identities = resolve(actors, snapshot.aliases(), as_of_us)
        codes = dict(zip(identities.ids, identities.customer_of.tolist(), strict=True))
        snapshot.choose_customers(actors, (codes[actor] for actor in actors))
        events = snapshot.events(definition, len(identities.customers))
    journeys = match_journeys(definition, events, as_of_us)
    chosen = np.flatnonzero(journeys.start >= begin)
    reached = journeys.stage_order[chosen]
    order = np.where(reached >= 0, reached, len(definition.stages)).astype(np.int64)
    walks = _Walks(definition.stage_keys, tuple(events.channels), journeys, chosen, order)
    return _count(walks, begin, as_of_us)


def _count(walks: _Walks, begin: int, as_of_us: int) -> JourneyCounts:
    """Put everything together."""
    journeys, chosen = walks.journeys, walks.chosen
    status = journeys.status[chosen]
    spans = (journeys.end[chosen] - journeys.start[chosen])[status == COMPLETED]
    reached = (walks.order < len(walks.stages)).sum(axis=0)
    return JourneyCounts(
        starts_at=format_instant(from_micros(begin)),
        ends_at=format_instant(from_micros(as_of_us)),
        n_journeys=len(chosen),
        n_customers=len(np.unique(journeys.customer[chosen])),
        n_completed=int((status == COMPLETED).sum()),
        n_open=int((status == OPEN).sum()),
        median_seconds=float(np.median(spans)) / 1e6 if spans.size else None,
        stages={key: int(n) for key, n in zip(walks.stages, reached, strict=True)},
        cells=tuple(_cells(walks)),
        ways=tuple(_ways(walks)),
        ends=tuple(_ends(walks, status)),
    )


def _cells(walks: _Walks) -> list[Cell]:
    """Count journeys per stage and channel."""
    found = []
    channel = walks.journeys.stage_channel[walks.chosen]
    for stage, key in enumerate(walks.stages):
        codes, counts = np.unique(
            channel[walks.order[:, stage] < len(walks.stages), stage], return_counts=True
        )
        found += [
            Cell(stage=key, channel=_name(walks, int(code)), n=int(n))
            for code, n in zip(codes, counts, strict=True)
        ]
    return found


def _ways(walks: _Walks) -> list[Way]:
    """Count moves between stages reached one after the other, with the median time they took."""
    journeys, n_stages = walks.journeys, len(walks.stages)
    time, channel = journeys.stage_time[walks.chosen], journeys.stage_channel[walks.chosen]
    steps = np.argsort(walks.order, axis=1, kind="stable")
    reached = (walks.order < n_stages).sum(axis=1)
    spans: dict[tuple[int, ...], list[NDArray[np.int64]]] = {}
    for step in range(n_stages - 1):
        rows = np.flatnonzero(reached > step + 1)
        left, right = steps[rows, step], steps[rows, step + 1]
        keys = np.stack([left, right, channel[rows, left], channel[rows, right]], axis=1)
        took = time[rows, right] - time[rows, left]
        distinct, inverse = np.unique(keys, axis=0, return_inverse=True)
        for index, key in enumerate(distinct.tolist()):
            spans.setdefault(tuple(key), []).append(took[inverse.ravel() == index])
    return [_way(walks, key, np.concatenate(parts)) for key, parts in sorted(spans.items())]


def _way(walks: _Walks, key: tuple[int, ...], spans: NDArray[np.int64]) -> Way:
    """Describe one move."""
    source, target, came, went = key
    return Way(
        source=walks.stages[source],
        target=walks.stages[target],
        from_channel=_name(walks, came),
        to_channel=_name(walks, went),
        n=len(spans),
        median_seconds=float(np.median(spans)) / 1e6,
    )


def _ends(walks: _Walks, status: NDArray[np.int8]) -> list[End]:
    """Count, before the required stage that was not reached, the journeys that were left or stand still open."""
    missing = walks.journeys.next_stage[walks.chosen]
    left = status != COMPLETED
    pairs, counts = np.unique(np.stack([missing[left], status[left]], axis=1), axis=0, return_counts=True)
    return [
        End(stage=walks.stages[int(stage)], status=STATUSES[int(code)], n=int(n))
        for (stage, code), n in zip(pairs.tolist(), counts, strict=True)
    ]


def _name(walks: _Walks, code: int) -> str:
    """Name a channel."""
    return walks.channels[code] if code >= 0 else "unknown"
