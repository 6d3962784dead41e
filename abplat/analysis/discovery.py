"""Find typical journeys in events: where customers begin, where they end, and what lies between."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from abplat.analysis.identity import resolve
from abplat.analysis.journeys.encode import FactColumns, code, encode_columns
from abplat.analysis.journeys.matcher import match_journeys
from abplat.analysis.proposals import Episodes, propose
from abplat.analysis.snapshot import Snapshot
from abplat.clock import format_instant, from_micros, to_micros
from abplat.config import Settings
from abplat.domain.discoveries import (
    Discovery,
    Document,
    EndPoint,
    FrequentPath,
    Proposal,
    UnknownTouchpoint,
    find_readers,
    is_known,
)
from abplat.domain.journeys import parse_journey
from abplat.facts.lake import Lake

GAP_US: Final = 14 * 86_400_000_000
"""So long without an event, and a new episode begins."""
MAX_CUSTOMERS: Final = 50_000
TOP_POINTS: Final = 5
TOP_PATHS: Final = 10
LONGEST_PATH: Final = 8
MAX_UNKNOWN: Final = 200

_Array: TypeAlias = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Known:
    """What a project has defined already."""

    touchpoints: Sequence[Document] = ()
    journeys: dict[str, Document] | None = None


def discover(  # noqa: PLR0913  what is to be found is said by name
    lake: Lake,
    project: str,
    as_of: datetime,
    settings: Settings,
    known: Known | None = None,
    *,
    since: datetime | None = None,
    gap_us: int = GAP_US,
    n_proposals: int = 3,
) -> Discovery:
    """Look at the events of a project and propose journeys.

    Args:
        lake: The facts.
        project: Whose facts.
        as_of: The snapshot.
        settings: What the engine may use.
        known: Touchpoints and journeys defined already.
        since: Events before it are left out.
        gap_us: So long without an event, and a new episode of the customer begins.
        n_proposals: Journeys to propose at most.
    """
    known = known or Known()
    window = (0 if since is None else to_micros(since), to_micros(as_of))
    with Snapshot(lake, project, window[1], settings) as snapshot:
        actors = snapshot.actors()
        identities = resolve(actors, snapshot.aliases(), window[1])
        customer = identities.customer_of[: len(actors)]
        step = -(-len(identities.customers) // MAX_CUSTOMERS)
        chosen = np.flatnonzero(customer % max(step, 1) == 0).tolist()
        snapshot.choose_customers([actors[i] for i in chosen], (int(customer[i]) for i in chosen))
        steps = snapshot.steps(window[0])
        kinds = snapshot.kinds(window[0])
    episodes, facts = _cut(steps, gap_us)
    return Discovery(
        project=project,
        as_of=format_instant(as_of),
        since=None if since is None else format_instant(since),
        n_customers=int(np.unique(facts.customer).size),
        n_events=int(facts.ts.size),
        n_episodes=episodes.n,
        is_sample=step > 1,
        entries=_rank_points(episodes, episodes.opening),
        ends=_rank_points(episodes, episodes.closing),
        paths=_count_paths(episodes),
        proposals=tuple(_walk(each, facts, window[1]) for each in propose(episodes, n_proposals)),
        unknown_touchpoints=_list_unknown(kinds, known),
    )


def _cut(steps: dict[str, Any], gap_us: int) -> tuple[Episodes, FactColumns]:
    """Cut the events of each customer into episodes."""
    customer, ts = np.asarray(steps["customer"], np.int64), np.asarray(steps["ts_us"], np.int64)
    name, names = code(np.ma.asarray(steps["name"]).tolist())
    channel, channels = code(np.ma.asarray(steps["channel"]).tolist())
    new = np.ones(ts.size, bool)
    new[1:] = (customer[1:] != customer[:-1]) | (ts[1:] - ts[:-1] > gap_us)
    episode = np.cumsum(new) - 1
    facts = FactColumns(customer, ts, name, names, channel, channels, np.arange(ts.size))
    return Episodes.make(episode.astype(np.int64), ts, name.astype(np.int64), names), facts


def _rank_points(episodes: Episodes, point: _Array) -> tuple[EndPoint, ...]:
    """Return the events that most episodes begin, or end, with."""
    n = np.bincount(point, minlength=len(episodes.names))
    having = episodes.count_having()
    order = sorted(range(len(episodes.names)), key=lambda i: (-int(n[i]), episodes.names[i]))
    return tuple(
        EndPoint(event=episodes.names[i], n=int(n[i]), n_with=int(having[i]))
        for i in order[:TOP_POINTS]
        if n[i]
    )


def _count_paths(episodes: Episodes) -> tuple[FrequentPath, ...]:
    """Return the most frequent sequences, without consecutive repeats and cut to a length."""
    keep = np.ones(episodes.name.size, bool)
    keep[1:] = (episodes.episode[1:] != episodes.episode[:-1]) | (episodes.name[1:] != episodes.name[:-1])
    episode, name = episodes.episode[keep], episodes.name[keep].tolist()
    begin = np.searchsorted(episode, np.arange(episodes.n + 1)).tolist()
    counts = Counter(tuple(name[a : min(b, a + LONGEST_PATH)]) for a, b in pairwise(begin))
    found = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:TOP_PATHS]
    return tuple(FrequentPath(events=tuple(episodes.names[i] for i in path), n=n) for path, n in found)


def _walk(proposed: tuple[dict[str, Any], str], facts: FactColumns, as_of_us: int) -> Proposal:
    """Try a proposed definition on the very events it was found in."""
    document, why = proposed
    definition = parse_journey(document)
    journeys = match_journeys(definition, encode_columns(definition, facts), as_of_us)
    done = journeys.completed
    seconds = (journeys.end - journeys.start)[done] / 1e6
    return Proposal(
        definition=document,
        n_started=len(journeys),
        n_completed=int(np.count_nonzero(done)),
        median_seconds=float(np.median(seconds)) if seconds.size else None,
        why=why,
    )


def _list_unknown(kinds: Sequence[tuple[Any, ...]], known: Known) -> tuple[UnknownTouchpoint, ...]:
    """Return the kinds of events that the registry does not know, the frequent ones first."""
    found = [
        UnknownTouchpoint(
            event=event,
            channel=channel,
            n_events=int(n_events),
            n_ids=int(n_ids),
            first_at=format_instant(from_micros(int(first))),
            last_at=format_instant(from_micros(int(last))),
            journeys=find_readers(event, channel, known.journeys or {}),
        )
        for event, channel, n_events, n_ids, first, last in kinds
        if not is_known(event, channel, known.touchpoints)
    ]
    return tuple(found[:MAX_UNKNOWN])
