"""What a reading asks of the touchpoints, and the walk through some of them that answers it.

The walk is a pure function of the question and a part: it runs in this process or on a cluster, with
the same result.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from abplat.analysis import stream_kernel as k
from abplat.analysis.journeys.encode import EventColumns
from abplat.analysis.journeys.matcher import match_journeys
from abplat.analysis.journeys.results import JourneyColumns
from abplat.analysis.journeys.steps import JourneySteps, trace
from abplat.analysis.stream import EventPart
from abplat.domain.journeys import JourneyDefinition, Matcher

Match: TypeAlias = tuple[Matcher, ...] | None


@dataclass(frozen=True, slots=True)
class ContactEvents:
    """The events that match something, of all customers read, by customer and time."""

    customer: NDArray[np.int32]
    ts: NDArray[np.int64]
    value: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Walked:
    """What one part of the touchpoints holds.

    Attributes:
        journeys: Per definition the journeys of its customers.
        steps: What happened inside them, where a definition is some experiment's own.
        contacts: Per match the events that it counts.
        customer: The customers of the part, each once.
        first_seen: The first event of each.
    """

    journeys: Mapping[JourneyDefinition, JourneyColumns]
    steps: Mapping[JourneyDefinition, JourneySteps]
    contacts: Mapping[Match, ContactEvents]
    customer: NDArray[np.int32]
    first_seen: NDArray[np.int64]


class Question:
    """All matchers that are asked for, each once."""

    def __init__(
        self,
        definitions: Sequence[JourneyDefinition],
        matches: Sequence[Match],
        own: AbstractSet[JourneyDefinition],
        channels: tuple[str, ...] = (),
    ) -> None:
        """Collect the matchers.

        Args:
            definitions: Whose journeys to find.
            matches: What events to count.
            own: Definitions that are some experiment's own: what happened inside is asked for, too.
            channels: Names that stand for the channels of a part.
        """
        self.definitions, self.matches, self.own, self.channels = definitions, matches, own, channels
        asked: list[Match] = [stage.match for one in definitions for stage in one.stages]
        asked += [exclude.match for one in definitions for exclude in one.exclude]
        scopes = [_scope_match(one) for one in definitions if one.scope is not None]
        self.parts: list[Match] = list(dict.fromkeys([*asked, *scopes, *matches]))
        self._places = {part: place for place, part in enumerate(self.parts)}
        # Without a scope every event is a touchpoint of journeys.
        self.drop_empty = all(one.scope is not None for one in definitions)

    def place(self, match: Match) -> int:
        """Return the bit of a match."""
        return self._places[match]

    def see(self, definition: JourneyDefinition, part: EventPart) -> EventColumns:
        """Return the events of a part as a definition sees them."""
        stages = part.bits([self.place(stage.match) for stage in definition.stages])
        excludes = part.bits([self.place(each.match) for each in definition.exclude])
        in_scope = np.ones(part.ts.size, bool)
        if definition.scope is not None:
            in_scope = part.has(self.place(_scope_match(definition))) | (stages != 0) | (excludes != 0)
        order = np.arange(part.ts.size)
        columns: list[Any] = [part.customer, part.ts, stages, excludes, in_scope, part.channel]
        if k.settle_ties(part.customer, part.ts, stages, order):
            columns = [column[order] for column in columns]
        customer, ts, stages, excludes, in_scope, channel = columns
        return EventColumns(
            customer=customer,
            ts=ts,
            stage_mask=stages,
            exclude_mask=excludes,
            in_scope=in_scope,
            channel=channel,
            value=np.full(ts.size, -1, np.int32),
            captured=np.zeros((ts.size, 0), np.uint64),
            source=order,
            channels=self.channels,
            values=(),
        )


def _scope_match(definition: JourneyDefinition) -> Match:
    """Return the scope of a definition as matchers."""
    return tuple(Matcher(event=name) for name in definition.scope or ())


def walk(asked: Question, part: EventPart, as_of_us: int) -> Walked:
    """Answer a question for the customers of a part.

    Args:
        asked: What to look for.
        part: All touchpoints of some customers.
        as_of_us: The snapshot.
    """
    journeys: dict[JourneyDefinition, JourneyColumns] = {}
    steps: dict[JourneyDefinition, JourneySteps] = {}
    for definition in asked.definitions:
        events, is_own = asked.see(definition, part), definition in asked.own
        found = match_journeys(definition, events, as_of_us, members=is_own)
        if is_own:
            steps[definition] = trace(found, events)
            found = replace(found, member=None)
        journeys[definition] = found
    contacts = {match: pick(part, asked.place(match)) for match in asked.matches}
    begins = np.flatnonzero(np.diff(part.customer, prepend=np.int32(-1)))
    return Walked(journeys, steps, contacts, part.customer[begins], part.ts[begins])


def pick(part: EventPart, place: int) -> ContactEvents:
    """Return the events of a part that match."""
    at = np.flatnonzero(part.has(place))
    return ContactEvents(part.customer[at], part.ts[at], part.value(at))
