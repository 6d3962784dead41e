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

import duckdb
import numpy as np
from numpy.typing import NDArray

from abplat.analysis.derived.kept import Kept, open_kept
from abplat.analysis.journeys.matcher import match_journeys
from abplat.analysis.journeys.results import JourneyColumns
from abplat.analysis.journeys.steps import JourneySteps, join_steps, trace
from abplat.analysis.needs import Need, list_needs
from abplat.analysis.plan import AnalysisPlan
from abplat.analysis.population import Population
from abplat.analysis.question import ContactEvents, Match, Question, Walked, walk
from abplat.analysis.serving import capable_matches
from abplat.analysis.snapshot import Snapshot
from abplat.domain.journeys import JourneyDefinition, parse_journey
from abplat.facts.engines.spark import is_spark

_NEVER = np.iinfo(np.int64).max


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
    found = _read_kept(snapshot, quick, matches, own, chosen)
    return _read_texts(snapshot, by_text, chosen, found, own) if by_text else found


def list_wanted(plans: Iterable[AnalysisPlan]) -> tuple[list[JourneyDefinition], list[Match]]:
    """Return the journeys and the counted events that plans ask for, each once."""
    listed = list(plans)
    definitions = [definition_of(plan, key) for plan in listed for key in journey_keys(plan)]
    return list(dict.fromkeys(definitions)), list(
        dict.fromkeys(match for plan in listed for match in _matches(plan))
    )


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


def _read_kept(
    snapshot: Snapshot,
    definitions: Sequence[JourneyDefinition],
    matches: Sequence[Match],
    own: AbstractSet[JourneyDefinition],
    chosen: NDArray[np.int32],
) -> Reading:
    """Take what was derived before, brought up to the snapshot, and read the rest."""
    try:
        kept = open_kept(snapshot)
        if kept is not None and kept.is_worth_it(chosen):
            return _use(kept, snapshot, (definitions, matches, own), chosen)
    except duckdb.IOException:  # a refresh or an erasure has removed files meanwhile
        pass
    return _read_quickly(snapshot, Question(definitions, matches, own, snapshot.channels()), chosen)


def _use(
    kept: Kept,
    snapshot: Snapshot,
    wanted: tuple[Sequence[JourneyDefinition], Sequence[Match], AbstractSet[JourneyDefinition]],
    chosen: NDArray[np.int32],
) -> Reading:
    """Read from derived tables what they hold, and the rest from the facts."""
    definitions, matches, own = wanted
    there = [one for one in definitions if kept.has_journeys(one)]
    counted = [match for match in matches if kept.has_contacts(match)]
    rest = Question(
        [one for one in definitions if one not in there],
        [match for match in matches if match not in counted],
        own,
        kept.channels,
    )
    found = _read_quickly(snapshot, rest, chosen)
    if not there and not counted:
        return found
    walked = kept.read(Question(there, counted, own, kept.channels), chosen)
    return Reading(
        {**found.journeys, **walked.journeys},
        dict.fromkeys(definitions, kept.channels),
        {**found.contacts, **walked.contacts},
        {**found.steps, **walked.steps},
        walked.first_seen,
    )


def _read_quickly(snapshot: Snapshot, asked: Question, chosen: NDArray[np.int32]) -> Reading:
    """Read integers, and walk through them part by part."""
    if not asked.parts:
        return Reading({}, {}, {}, {})
    n_customers = snapshot.who.identities.n_customers
    if is_spark(snapshot.engine):
        from abplat.analysis.distributed import sort_by_customer, walk_on_spark  # noqa: PLC0415  an extra

        return sort_by_customer(_put_together(asked, walk_on_spark(snapshot, asked, chosen), n_customers))
    stream = snapshot.stream(
        asked.parts,
        chosen,
        channels=asked.channels,
        with_value=bool(asked.matches),
        drop_empty=asked.drop_empty,
    )
    with stream:
        walked = list(stream.map(lambda part: walk(asked, part, snapshot.as_of_us)))
    return _put_together(asked, walked, n_customers)


def _put_together(asked: Question, walked: Sequence[Walked], n_customers: int) -> Reading:
    """Join what the parts hold; they come in the order of customers."""
    first_seen = np.full(n_customers, _NEVER, np.int64)
    for part in walked:
        first_seen[part.customer] = part.first_seen
    return Reading(
        {one: _join([part.journeys[one] for part in walked]) for one in asked.definitions},
        dict.fromkeys(asked.definitions, asked.channels),
        {match: _join_contacts([part.contacts[match] for part in walked]) for match in asked.matches},
        {
            one: join_steps([part.steps[one] for part in walked])
            for one in asked.definitions
            if one in asked.own
        },
        # Where events that match nothing were left out, the first one may be among them.
        None if asked.drop_empty else first_seen,
    )


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
