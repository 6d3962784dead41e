"""One reading of the touchpoints for any number of experiments: journeys and counted events.

Every matcher of every journey and metric becomes one bit of a mask, so the files are read once.
Journeys of a definition are found once, over the customers of all experiments that ask for it.
Definitions that follow a property, or a lake in which touchpoints say what they asked for, are read
text by text instead (``Snapshot.events``): slower, and with the same result.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from abplat.analysis import stream_kernel as k
from abplat.analysis.journeys.encode import EventColumns
from abplat.analysis.journeys.matcher import match_journeys
from abplat.analysis.journeys.results import JourneyColumns
from abplat.analysis.journeys.steps import JourneySteps, join_steps, trace
from abplat.analysis.needs import Need, list_needs
from abplat.analysis.plan import AnalysisPlan
from abplat.analysis.population import Population
from abplat.analysis.serving import capable_matches
from abplat.analysis.snapshot import Snapshot
from abplat.analysis.stream import EventPart
from abplat.domain.journeys import JourneyDefinition, Matcher, parse_journey

Match = tuple[Matcher, ...] | None
_NEVER = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True)
class ContactEvents:
    """The events that match something, of all customers read, by customer and time."""

    customer: NDArray[np.int32]
    ts: NDArray[np.int64]
    value: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Reading:
    """What one reading found.

    Attributes:
        journeys: Per definition (see :func:`definition_of`) all journeys of the customers read.
        channels: Names of channels by the codes that journeys use.
        contacts: Per match the events that it counts.
        steps: Per definition that is some experiment's own, what happened inside its journeys.
    """

    journeys: Mapping[JourneyDefinition, JourneyColumns]
    channels: Mapping[JourneyDefinition, tuple[str, ...]]
    contacts: Mapping[Match, ContactEvents]
    steps: Mapping[JourneyDefinition, JourneySteps]
    first_seen: NDArray[np.int64] | None = None
    """Per customer of the snapshot the first touchpoint; None where not all touchpoints were met."""


def definition_of(plan: AnalysisPlan, key: str) -> JourneyDefinition:
    """Return a journey of a plan, as the plan froze it."""
    return parse_journey(dict(plan.journeys[key]), require_owner=False)


def journey_keys(plan: AnalysisPlan) -> list[str]:
    """Return the journeys that a plan counts on, the experiment's own among them."""
    parts = [part for metric in plan.metrics for _, part in metric.parts]
    return sorted({metric.journey for metric in (*plan.metrics, *parts)} | {plan.journey["key"]})


def is_plain(need: Need) -> bool:
    """Tell whether a need asks nothing of events but that they match, when, and their value."""
    return need.label is None and need.number is None and not need.is_strict and not need.by_channel


def match_of(need: Need) -> Match:
    """Return what a need counts; None stands for every event."""
    found = need.matchers()
    return None if found is None else tuple(found)


def read(snapshot: Snapshot, plans: Sequence[AnalysisPlan], populations: Sequence[Population]) -> Reading:
    """Read the touchpoints of all exposed customers once, for all plans.

    Args:
        snapshot: The facts.
        plans: What to look for.
        populations: Who was exposed, per plan.
    """
    definitions = list(
        dict.fromkeys(definition_of(plan, key) for plan in plans for key in journey_keys(plan))
    )
    matches = list(dict.fromkeys(match for plan in plans for match in _matches(plan)))
    own = {definition_of(plan, plan.journey["key"]) for plan in plans}
    chosen = snapshot.who.actors_of(_exposed(snapshot, populations))
    by_text = [one for one in definitions if one.correlate_by is not None]
    if snapshot.has_captured():
        by_text = definitions
    quick = [one for one in definitions if one not in by_text]
    found = _read_quickly(snapshot, _Question(quick, matches, own), chosen)
    return _read_texts(snapshot, by_text, chosen, found, own) if by_text else found


def _exposed(snapshot: Snapshot, populations: Iterable[Population]) -> NDArray[np.bool_]:
    """Return per customer whether some experiment exposed it."""
    exposed = np.zeros(snapshot.who.identities.n_customers, bool)
    for population in populations:
        exposed[population.customer] = True
    return exposed


def _matches(plan: AnalysisPlan) -> list[Match]:
    """Return what a plan counts events of: its metrics, and where a variant could be shown."""
    return [
        *(match_of(need) for need in list_needs(plan.metrics) if is_plain(need)),
        *capable_matches(plan.registry).values(),
    ]


def _read_quickly(snapshot: Snapshot, asked: _Question, chosen: NDArray[np.int32]) -> Reading:
    """Read integers, and walk through them part by part."""
    if not asked.parts:
        return Reading({}, {}, {}, {})
    channels = snapshot.channels()
    journeys: dict[JourneyDefinition, list[JourneyColumns]] = {one: [] for one in asked.definitions}
    contacts: dict[Match, list[ContactEvents]] = {match: [] for match in asked.matches}
    steps: dict[JourneyDefinition, list[JourneySteps]] = {
        one: [] for one in asked.definitions if one in asked.own
    }
    first_seen = np.full(snapshot.who.identities.n_customers, _NEVER, np.int64)
    with snapshot.stream(asked.parts, chosen, channels=channels, with_value=bool(asked.matches)) as stream:
        for part in stream.parts():
            begins = np.flatnonzero(np.diff(part.customer, prepend=-1))
            first_seen[part.customer[begins]] = part.ts[begins]
            for definition, found in journeys.items():
                events, is_own = asked.see(definition, part, channels), definition in asked.own
                found.append(match_journeys(definition, events, snapshot.as_of_us, members=is_own))
                if is_own:
                    steps[definition].append(trace(found[-1], events))
                    found[-1] = replace(found[-1], member=None)
            for match, picked in contacts.items():
                picked.append(_pick(part, asked.place(match)))
    return Reading(
        {one: _join(found) for one, found in journeys.items()},
        dict.fromkeys(asked.definitions, channels),
        {match: _join_contacts(picked) for match, picked in contacts.items()},
        {one: join_steps(found) for one, found in steps.items()},
        first_seen,
    )


class _Question:
    """All matchers that are asked for, each once."""

    def __init__(
        self,
        definitions: Sequence[JourneyDefinition],
        matches: Sequence[Match],
        own: AbstractSet[JourneyDefinition],
    ) -> None:
        self.definitions, self.matches, self.own = definitions, matches, own
        asked: list[Match] = [stage.match for one in definitions for stage in one.stages]
        asked += [exclude.match for one in definitions for exclude in one.exclude]
        scopes = [_scope_match(one) for one in definitions if one.scope is not None]
        self.parts: list[Match] = list(dict.fromkeys([*asked, *scopes, *matches]))
        self._places = {part: place for place, part in enumerate(self.parts)}

    def place(self, match: Match) -> int:
        """Return the bit of a match."""
        return self._places[match]

    def see(self, definition: JourneyDefinition, part: EventPart, channels: tuple[str, ...]) -> EventColumns:
        """Return the events of a part as a definition sees them."""
        stages = part.bits([self.place(stage.match) for stage in definition.stages])
        excludes = part.bits([self.place(each.match) for each in definition.exclude])
        in_scope = np.ones(part.ts.size, bool)
        if definition.scope is not None:
            in_scope = part.has(self.place(_scope_match(definition))) | (stages != 0) | (excludes != 0)
        order = np.arange(part.ts.size)
        columns: list[Any] = [
            part.customer,
            part.ts,
            stages,
            excludes,
            in_scope,
            part.channel.astype(np.int32),
        ]
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
            channels=channels,
            values=(),
        )


def _scope_match(definition: JourneyDefinition) -> Match:
    """Return the scope of a definition as matchers."""
    return tuple(Matcher(event=name) for name in definition.scope or ())


def _pick(part: EventPart, place: int) -> ContactEvents:
    """Return the events of a part that match."""
    at = np.flatnonzero(part.has(place))
    value = np.zeros(at.size) if part.value is None else part.value[at]
    return ContactEvents(part.customer[at], part.ts[at], value)


def _join(found: Sequence[JourneyColumns]) -> JourneyColumns:
    """Put the journeys of all parts together; they come in the order of customers."""
    names = [field.name for field in fields(JourneyColumns) if field.name != "member"]
    return JourneyColumns(**{name: np.concatenate([getattr(one, name) for one in found]) for name in names})


def _join_contacts(found: Sequence[ContactEvents]) -> ContactEvents:
    """Put the events of all parts together."""
    return ContactEvents(
        *(np.concatenate([getattr(one, name) for one in found]) for name in ("customer", "ts", "value"))
    )


def _read_texts(
    snapshot: Snapshot,
    definitions: Sequence[JourneyDefinition],
    chosen: NDArray[np.int32],
    found: Reading,
    own: AbstractSet[JourneyDefinition],
) -> Reading:
    """Read the journeys of definitions that need texts."""
    snapshot.choose_codes(chosen, by_name=True)
    journeys, channels, steps = dict(found.journeys), dict(found.channels), dict(found.steps)
    for definition in definitions:
        events = snapshot.events(definition, snapshot.who.identities.n_customers)
        is_own = definition in own
        journeys[definition] = match_journeys(definition, events, snapshot.as_of_us, members=is_own)
        channels[definition] = events.channels
        if is_own:
            steps[definition] = trace(journeys[definition], events)
            journeys[definition] = replace(journeys[definition], member=None)
    return replace(found, journeys=journeys, channels=channels, steps=steps)
