"""Deriving anew what has changed: the events of some customers since an instant of their own.

Journeys are found as if everything had ended: an abandoned one ends at its deadline, however late
that is. What is open as of an instant is decided when the journeys are used (:func:`settle`).

A customer's journeys can be found from an instant on where none is under way then: the matcher keeps
nothing between the journeys of a customer but that there was one, which matters to ``once`` alone.
The first journey that a change can touch is the first that ends at the change or after it; where it
began in the very instant in which the one before ended, that one is found again, too (``clean``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from abplat.analysis.derived.changes import NEVER
from abplat.analysis.journeys.matcher import match_journeys
from abplat.analysis.journeys.results import ABANDONED, OPEN, JourneyColumns
from abplat.analysis.journeys.steps import JourneySteps, join_steps, trace
from abplat.analysis.question import ContactEvents, Match, Question, Walked, pick
from abplat.analysis.snapshot import Snapshot
from abplat.analysis.stream import EventPart
from abplat.domain.journeys import JourneyDefinition
from abplat.facts.engines.scan import WORD

Ints = NDArray[np.int64]
_FEW = 20
"""One customer in so many may be read apart, for want of old files."""
_NAMES = [field.name for field in fields(JourneyColumns) if field.name != "member"]


@dataclass(frozen=True, slots=True)
class Since:
    """From when on to look at each customer; ``NEVER`` for not at all.

    Attributes:
        journeys: Per definition.
        contacts: Per match.
    """

    journeys: Mapping[JourneyDefinition, Ints]
    contacts: Mapping[Match, Ints]

    def first(self) -> Ints:
        """Return the first instant per customer that is needed for anything."""
        return np.asarray(np.minimum.reduce([*self.contacts.values(), *self.journeys.values()]), np.int64)


def replay(snapshot: Snapshot, asked: Question, chosen: NDArray[np.int32], since: Since) -> Walked:
    """Find journeys and contacts of chosen customers since an instant of their own.

    Args:
        snapshot: The facts.
        asked: What to look for.
        chosen: Per actor code the customer, -1 for codes that are not asked for.
        since: From when on.
    """
    first = since.first()
    changed = np.where(chosen >= 0, first[chosen], NEVER) < NEVER
    walked = [_walk_since(asked, _no_events(asked), since)]
    for start, mine in _split(first, chosen, changed):
        stream = snapshot.stream(
            asked.parts,
            mine,
            channels=asked.channels,
            with_value=bool(asked.matches),
            drop_empty=False,  # the first event of a customer is wanted, whatever it is
            since_us=start,
        )
        with stream:
            walked += stream.map(lambda part: _walk_since(asked, part, since))
    return _join(asked, walked)


def _split(
    first: Ints, chosen: NDArray[np.int32], changed: NDArray[np.bool_]
) -> Iterator[tuple[int, NDArray[np.int32]]]:
    """Return whom to read, and since when: the few of long ago after all others."""
    if not changed.any():
        return
    starts = np.sort(first[chosen[changed]])
    border = int(starts[starts.size // _FEW])
    for mine in (changed & (first[chosen] >= border), changed & (first[chosen] < border)):
        if mine.any():
            yield int(first[chosen[mine]].min()), np.where(mine, chosen, -1).astype(np.int32)


def _no_events(asked: Question) -> EventPart:
    """Return a part without events."""
    none, n_words = np.empty(0, np.int64), -(-len(asked.parts) // WORD)
    return EventPart(
        customer=none.astype(np.int32),
        ts=none,
        words=np.empty((n_words, 0), np.int64),
        channel=none.astype(np.int32),
        records=np.empty((0, 1), np.int64),
        has_value=True,
    )


def _walk_since(asked: Question, part: EventPart, since: Since) -> Walked:
    """Walk through a part, from another instant on for each definition."""
    journeys: dict[JourneyDefinition, JourneyColumns] = {}
    steps: dict[JourneyDefinition, JourneySteps] = {}
    for definition in asked.definitions:
        events = asked.see(definition, _cut(part, since.journeys[definition]))
        is_own = definition in asked.own
        found = match_journeys(definition, events, NEVER, members=is_own)
        if is_own:
            steps[definition] = trace(found, events)
            found = replace(found, member=None)
        journeys[definition] = found
    contacts = {match: pick(_cut(part, since.contacts[match]), asked.place(match)) for match in asked.matches}
    begins = np.flatnonzero(np.diff(part.customer, prepend=np.int32(-1)))
    return Walked(journeys, steps, contacts, part.customer[begins], part.ts[begins])


def _cut(part: EventPart, since: Ints) -> EventPart:
    """Return the events of a part since the instant of their customer."""
    kept = part.ts >= since[part.customer]
    if kept.all():
        return part
    return EventPart(
        customer=part.customer[kept],
        ts=part.ts[kept],
        words=np.ascontiguousarray(part.words[:, kept]),
        channel=part.channel[kept],
        records=part.records[kept],
        has_value=part.has_value,
    )


def _join(asked: Question, walked: Sequence[Walked]) -> Walked:
    """Put together what was found of different customers."""
    return Walked(
        {one: join_journeys([part.journeys[one] for part in walked]) for one in asked.definitions},
        {
            one: join_steps([part.steps[one] for part in walked])
            for one in asked.definitions
            if one in asked.own
        },
        {match: join_contacts([part.contacts[match] for part in walked]) for match in asked.matches},
        np.concatenate([part.customer for part in walked]),
        np.concatenate([part.first_seen for part in walked]),
    )


def join_journeys(found: Sequence[JourneyColumns]) -> JourneyColumns:
    """Put journeys together, one after the other."""
    return JourneyColumns(**{name: np.concatenate([getattr(one, name) for one in found]) for name in _NAMES})


def take_journeys(found: JourneyColumns, at: NDArray[np.generic]) -> JourneyColumns:
    """Return some journeys, by position or by flag."""
    return JourneyColumns(**{name: getattr(found, name)[at] for name in _NAMES})


def join_contacts(found: Sequence[ContactEvents]) -> ContactEvents:
    """Put contacts together, one after the other."""
    return ContactEvents(
        *(np.concatenate([getattr(one, name) for one in found]) for name in ("customer", "ts", "value"))
    )


def settle(journeys: JourneyColumns, definition: JourneyDefinition, as_of_us: int) -> JourneyColumns:
    """Say what is open as of an instant, of journeys that were found as if everything had ended."""
    is_open = (journeys.status == ABANDONED) & (journeys.end >= as_of_us)
    status = np.where(is_open, OPEN, journeys.status).astype(np.int8)
    end = np.where(is_open, as_of_us, journeys.end)
    return replace(
        journeys,
        status=status,
        reason=np.where(is_open, 0, journeys.reason).astype(np.int8),
        reason_stage=np.where(is_open, -1, journeys.reason_stage).astype(np.int8),
        end=end,
        provisional=(status == ABANDONED) & (as_of_us <= end + definition.lateness_us),
    )
