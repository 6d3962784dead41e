"""Gather what an analysis needs from the lake: identities, population, journeys, contacts.

Only facts that had happened and been received by ``as_of`` are read, each event id once: the copy
received first. What is read depends on nothing but facts, plan and ``as_of``. All experiments of a
project are gathered by one reading, and each alone would find the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields

import numpy as np

from abplat.analysis.exposed import Exposed, expose
from abplat.analysis.gathered import Contacts, Counts, Gathered, WalkedJourney
from abplat.analysis.journeys.results import JourneyColumns
from abplat.analysis.journeys.rollup import roll_up
from abplat.analysis.plan import AnalysisPlan
from abplat.analysis.population import POST, PRE, Population, relate
from abplat.analysis.reading import Reading, counting_metrics, definition_of, journey_keys, match_of, read
from abplat.analysis.snapshot import Snapshot


def gather(snapshot: Snapshot, plan: AnalysisPlan) -> Gathered:
    """Read a snapshot of the lake as the plan asks."""
    return next(gather_all(snapshot, [plan]))


def gather_all(snapshot: Snapshot, plans: Sequence[AnalysisPlan]) -> Iterator[Gathered]:
    """Read a snapshot once for several plans, and give what each asks for, one after the other."""
    exposed = [_expose(snapshot, plan) for plan in plans]
    found = read(snapshot, plans, [each.population for each in exposed])
    for plan, each in zip(plans, exposed, strict=True):
        yield _gather_one(snapshot, plan, each, found)


def _expose(snapshot: Snapshot, plan: AnalysisPlan) -> Exposed:
    """Find the population of a plan."""
    overridden = snapshot.codes_of(sorted(plan.experiment.get("overrides") or ()))
    return expose(snapshot.exposure_facts(plan.experiment["key"]), snapshot.who, plan, overridden.tolist())


def _gather_one(snapshot: Snapshot, plan: AnalysisPlan, exposed: Exposed, found: Reading) -> Gathered:
    """Take from a reading what one plan asks for."""
    population = exposed.population
    return Gathered(
        as_of_us=snapshot.as_of_us,
        horizon_us=plan.horizon_us,
        population=population,
        mature=population.mature(plan.horizon_us, snapshot.as_of_us),
        walked={key: _walk(found, plan, key, population) for key in journey_keys(plan)},
        contacts=_contacts(found, plan, population),
        counts=_count(snapshot, exposed),
        n_earlier=exposed.n_earlier,
    )


def _walk(found: Reading, plan: AnalysisPlan, key: str, population: Population) -> WalkedJourney:
    """Roll the journeys of one definition up per exposed customer."""
    definition = definition_of(plan, key)
    journeys = _of_population(found.journeys[definition], population)
    unit = population.locate(journeys.customer)
    relation = relate(journeys, population, plan.grace_us)
    exposure = population.first_exposure[unit] if len(population) else np.zeros(len(journeys), np.int64)
    past = (relation == PRE) & (journeys.start >= exposure - plan.horizon_us)
    before = np.bincount(unit[past], weights=journeys.touchpoints[past], minlength=len(population))
    return WalkedJourney(
        journeys=journeys,
        channels=found.channels[definition],
        unit=unit,
        counted=(relation == POST) & (journeys.start <= exposure + plan.horizon_us),
        rows=roll_up(journeys, population, horizon_us=plan.horizon_us, grace_us=plan.grace_us),
        effort_before=before.astype(np.float64),
    )


def _of_population(journeys: JourneyColumns, population: Population) -> JourneyColumns:
    """Return the journeys of exposed customers; the reading may have seen those of other experiments."""
    mine = population.locate(journeys.customer) >= 0
    if mine.all():
        return journeys
    names = [field.name for field in fields(JourneyColumns) if field.name != "member"]
    return JourneyColumns(**{name: getattr(journeys, name)[mine] for name in names})


def _contacts(found: Reading, plan: AnalysisPlan, population: Population) -> dict[str, Contacts]:
    """Return the events that each counting metric counts."""
    contacts = {}
    for metric in counting_metrics(plan):
        events = found.contacts[match_of(metric)]
        unit = population.locate(events.customer)
        mine = unit >= 0
        contacts[metric.key] = Contacts(unit=unit[mine], ts=events.ts[mine], value=events.value[mine])
    return contacts


def _count(snapshot: Snapshot, exposed: Exposed) -> Counts:
    """Count what was read."""
    who = snapshot.who
    return Counts(
        n_events=snapshot.count_events(),
        n_customers=who.count_customers(exposed.facts.code),
        data_through_us=snapshot.data_through_us(),
        fact_versions=snapshot.versions,
        shared_ids=who.names_of(who.identities.shared),
        n_refused_links=len(who.identities.refused_links),
        n_limited_links=len(who.identities.limited_links),
        unknown_variants=exposed.unknown_variants,
        n_overrides=exposed.n_overrides,
    )
