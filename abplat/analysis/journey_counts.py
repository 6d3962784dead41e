"""Count the journeys of everybody that began in the last weeks: for maps and previews, never for a verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from abplat.analysis.identity import IdentityMap, resolve
from abplat.analysis.journey_examples import Told, Walks, find_called, list_calls, list_examples, list_steps
from abplat.analysis.journeys.matcher import match_journeys
from abplat.analysis.journeys.results import COMPLETED, OPEN, STATUSES, JourneyColumns
from abplat.analysis.snapshot import Snapshot
from abplat.clock import format_instant, from_micros
from abplat.config import Settings
from abplat.domain.journey_counts import Cell, CountOptions, End, JourneyCounts, Way
from abplat.domain.journeys import parse_journey
from abplat.facts.lake import Lake

_DAY_US = 86_400_000_000
MOST_WITH_EXAMPLES: Final = 40
"""Moves that examples are kept of: the largest."""


class Asked(Protocol):
    """What is to be counted; ``services.journey_counts.Asked`` is such."""

    @property
    def definition(self) -> Mapping[str, Any]:
        """Definition of the journey."""

    @property
    def options(self) -> CountOptions:
        """Period, segment and channel."""

    @property
    def members(self) -> Sequence[str] | None:
        """Who belongs to the segment; None without one."""

    @property
    def costs(self) -> Mapping[str, float]:
        """What a contact costs, by channel."""

    @property
    def agents(self) -> Sequence[str]:
        """Channels in which a person answers."""


def count_journeys(
    lake: Lake, project: str, asked: Asked, as_of_us: int, settings: Settings
) -> JourneyCounts:
    """Match a definition against the events of everybody and count.

    Args:
        lake: The facts.
        project: Whose.
        asked: Definition and options.
        as_of_us: What was known then; journeys that began in the days before it are counted.
        settings: What the engine may use.
    """
    definition = parse_journey(dict(asked.definition), require_owner=False)
    begin = as_of_us - asked.options.days * _DAY_US
    with Snapshot(lake, project, as_of_us, settings) as snapshot:
        actors = snapshot.actors()
        identities = resolve(actors, snapshot.aliases(), as_of_us)
        codes = dict(zip(identities.ids, identities.customer_of.tolist(), strict=True))
        snapshot.choose_customers(actors, (codes[actor] for actor in actors))
        events = snapshot.events(definition, len(identities.customers))
    journeys = match_journeys(definition, events, as_of_us, members=bool(asked.costs))
    chosen = _choose(journeys, events.channels, identities, asked, begin)
    reached = journeys.stage_order[chosen]
    order = np.where(reached >= 0, reached, len(definition.stages)).astype(np.int64)
    walks = Walks(definition.stage_keys, tuple(events.channels), journeys, chosen, order)
    calls = list_calls(events, asked.agents)
    counts = _count(walks, Told(identities.customers, calls), begin, as_of_us)
    steps = tuple(list_steps(walks, events, asked.costs))
    return msgspec.structs.replace(counts, steps=steps, **msgspec.to_builtins(asked.options))


def _choose(
    journeys: JourneyColumns, channels: Sequence[str], identities: IdentityMap, asked: Asked, begin: int
) -> NDArray[np.int64]:
    """Return the journeys that began in time, with the customers and where it was asked for."""
    wanted = journeys.start >= begin
    if asked.members is not None:
        named = {identities.name(member) for member in asked.members}
        codes = np.array([code for code, name in enumerate(identities.customers) if name in named], np.int64)
        wanted &= np.isin(journeys.customer, codes)
    if asked.options.channel is not None:
        entry = journeys.stage_channel[:, 0]
        code = channels.index(asked.options.channel) if asked.options.channel in channels else None
        wanted &= entry == code if code is not None else False
    return np.flatnonzero(wanted)


def _count(walks: Walks, told: Told, begin: int, as_of_us: int) -> JourneyCounts:
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
        ways=tuple(_ways(walks, told)),
        ends=tuple(_ends(walks, status)),
    )


def _cells(walks: Walks) -> list[Cell]:
    """Count journeys per stage and channel."""
    found = []
    channel = walks.journeys.stage_channel[walks.chosen]
    for stage, key in enumerate(walks.stages):
        codes, counts = np.unique(
            channel[walks.order[:, stage] < len(walks.stages), stage], return_counts=True
        )
        found += [
            Cell(stage=key, channel=walks.name(int(code)), n=int(n))
            for code, n in zip(codes, counts, strict=True)
        ]
    return found


def _ways(walks: Walks, told: Told) -> list[Way]:
    """Count moves between stages reached one after the other, with the median time they took."""
    journeys, n_stages = walks.journeys, len(walks.stages)
    time, channel = journeys.stage_time[walks.chosen], journeys.stage_channel[walks.chosen]
    steps = np.argsort(walks.order, axis=1, kind="stable")
    reached = (walks.order < n_stages).sum(axis=1)
    moves: dict[tuple[int, ...], list[NDArray[np.int64]]] = {}
    for step in range(n_stages - 1):
        rows = np.flatnonzero(reached > step + 1)
        left, right = steps[rows, step], steps[rows, step + 1]
        keys = np.stack([left, right, channel[rows, left], channel[rows, right]], axis=1)
        distinct, inverse = np.unique(keys, axis=0, return_inverse=True)
        for index, key in enumerate(distinct.tolist()):
            moves.setdefault(tuple(key), []).append(rows[inverse.ravel() == index])
    found = {key: np.concatenate(parts) for key, parts in sorted(moves.items())}
    shown = sorted(found, key=lambda key: (-found[key].size, key))[:MOST_WITH_EXAMPLES]
    return [_way(walks, told, key, time, rows, is_shown=key in shown) for key, rows in found.items()]


def _way(
    walks: Walks,
    told: Told,
    key: tuple[int, ...],
    time: NDArray[np.int64],
    rows: NDArray[np.int64],
    *,
    is_shown: bool,
) -> Way:
    """Describe one move."""
    source, target, came, went = key
    spans = time[rows, target] - time[rows, source]
    called = find_called(told.calls, walks.journeys.customer[walks.chosen[rows]], time[rows, target])
    return Way(
        source=walks.stages[source],
        target=walks.stages[target],
        from_channel=walks.name(came),
        to_channel=walks.name(went),
        n=len(spans),
        median_seconds=float(np.median(spans)) / 1e6,
        n_called=None if called is None else int(called.sum()),
        examples=tuple(list_examples(walks, told, rows, spans, called)) if is_shown else (),
    )


def _ends(walks: Walks, status: NDArray[np.int8]) -> list[End]:
    """Count, before the required stage that was not reached, the journeys that were left or stand still open."""
    missing = walks.journeys.next_stage[walks.chosen]
    left = status != COMPLETED
    pairs, counts = np.unique(np.stack([missing[left], status[left]], axis=1), axis=0, return_counts=True)
    return [
        End(stage=walks.stages[int(stage)], status=STATUSES[int(code)], n=int(n))
        for (stage, code), n in zip(pairs.tolist(), counts, strict=True)
    ]
