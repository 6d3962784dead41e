"""Gather what an analysis needs from the lake: identities, population, journeys, contacts.

Only facts that had happened and been received by ``as_of`` are read, each event id once: the copy
received first. What is read depends on nothing but facts, plan and ``as_of``. All experiments of a
project are gathered by one reading, and each alone would find the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields
from functools import partial

import numpy as np
from numpy.typing import NDArray

from abplat.analysis.encounters import meet
from abplat.analysis.exposed import Exposed, expose
from abplat.analysis.gathered import Contacts, Counts, FloatArray, Gathered, WalkedJourney
from abplat.analysis.journeys.encode import code
from abplat.analysis.journeys.results import JourneyColumns
from abplat.analysis.journeys.steps import pick_steps
from abplat.analysis.needs import Need, list_needs, list_scores
from abplat.analysis.plan import AnalysisPlan
from abplat.analysis.population import Population
from abplat.analysis.profile import read_profile
from abplat.analysis.question import ContactEvents
from abplat.analysis.reading import (
    Reading,
    definition_of,
    is_plain,
    journey_keys,
    match_of,
    read,
)
from abplat.analysis.samples import sample_journeys
from abplat.analysis.serving import capable_matches
from abplat.analysis.snapshot import Snapshot
from abplat.analysis.walking import lay_out

_MAX_BITS = 60
"""Needs that one pass can tell apart."""


def gather(snapshot: Snapshot, plan: AnalysisPlan) -> Gathered:
    """Read a snapshot of the lake as the plan asks."""
    return next(gather_all(snapshot, [plan]))


def gather_all(snapshot: Snapshot, plans: Sequence[AnalysisPlan]) -> Iterator[Gathered]:
    """Read a snapshot once for several plans, and give what each asks for, one after the other."""
    return (take() for take in prepare(snapshot, plans))


def prepare(snapshot: Snapshot, plans: Sequence[AnalysisPlan]) -> list[Callable[[], Gathered]]:
    """Read a snapshot once for several plans; return what gives each plan what it asks for.

    What fails for one plan then fails for no other.
    """
    snapshot.exposure_reader.expect(plan.experiment["key"] for plan in plans)
    exposed = [_expose(snapshot, plan) for plan in plans]
    found = read(snapshot, plans, [each.population for each in exposed])
    return [
        partial(_gather_one, snapshot, plan, each, found) for plan, each in zip(plans, exposed, strict=True)
    ]


def _expose(snapshot: Snapshot, plan: AnalysisPlan) -> Exposed:
    """Find the population of a plan."""
    overridden = snapshot.codes_of(sorted(plan.experiment.get("overrides") or ()))
    drawn = plan.experiment.get("unit_type") if plan.is_clustered else None
    facts = snapshot.exposure_facts(plan.experiment["key"], drawn)
    return expose(facts, snapshot.who, plan, overridden.tolist())


def _gather_one(snapshot: Snapshot, plan: AnalysisPlan, exposed: Exposed, found: Reading) -> Gathered:
    """Take from a reading what one plan asks for."""
    population = exposed.population
    if _asks_again(plan, found):
        _choose(snapshot, plan, population)
    encounters = meet(exposed, snapshot.who)
    if plan.registry.rules:
        tuple(encounters.ids)  # rules may ask for them when the snapshot is closed
    walked = {key: _walk(found, plan, key, population) for key in journey_keys(plan)}
    return Gathered(
        as_of_us=snapshot.as_of_us,
        horizon_us=plan.horizon_us,
        population=population,
        mature=population.mature(plan.horizon_us, snapshot.as_of_us),
        walked=walked,
        contacts=_contacts(found, snapshot, plan, population),
        scores=_scores(snapshot, plan, population),
        counts=_count(snapshot, exposed),
        n_earlier=exposed.n_earlier,
        encounters=encounters,
        profile=read_profile(snapshot, population, plan.registry, plan.attributes, found.first_seen),
        capable=_capable(found, plan, population),
        samples=sample_journeys(snapshot, plan, population, walked[plan.journey["key"]]),
    )


def _asks_again(plan: AnalysisPlan, found: Reading) -> bool:
    """Tell whether more of the facts is needed than the reading has found."""
    is_read = bool(list_scores(plan.metrics)) or not all(map(is_plain, list_needs(plan.metrics)))
    return is_read or bool(plan.attributes) or found.first_seen is None


def _choose(snapshot: Snapshot, plan: AnalysisPlan, population: Population) -> None:
    """Ask for the events of exposed customers alone; by name only where texts are read."""
    exposed = np.zeros(snapshot.who.identities.n_customers, bool)
    exposed[population.customer] = True
    by_name = bool(list_scores(plan.metrics)) or not all(map(is_plain, list_needs(plan.metrics)))
    snapshot.choose_codes(snapshot.who.actors_of(exposed), by_name=by_name)


def _capable(found: Reading, plan: AnalysisPlan, population: Population) -> dict[str, Contacts]:
    """Return the touchpoints that can show a variant, by channel."""
    if not len(population):
        return {}
    return {
        channel: _of_units(found.contacts[match], population)
        for channel, match in capable_matches(plan.registry).items()
    }


def _walk(found: Reading, plan: AnalysisPlan, key: str, population: Population) -> WalkedJourney:
    """Lay the journeys of one definition beside the population."""
    definition = definition_of(plan, key)
    journeys = found.journeys[definition]
    steps = found.steps.get(definition) if key == plan.journey["key"] else None
    mine = np.flatnonzero(population.locate(journeys.customer) >= 0)
    if mine.size < len(journeys):  # the reading may have seen customers of other experiments
        names = [field.name for field in fields(JourneyColumns) if field.name != "member"]
        journeys = JourneyColumns(**{name: np.take(getattr(journeys, name), mine, axis=0) for name in names})
        steps = None if steps is None else pick_steps(steps, mine)
    return lay_out(
        journeys,
        found.channels[definition],
        population,
        horizon_us=plan.horizon_us,
        grace_us=plan.grace_us,
        steps=steps,
    )


def _contacts(
    found: Reading, snapshot: Snapshot, plan: AnalysisPlan, population: Population
) -> dict[str, Contacts]:
    """Return the events that metrics count; those that need texts of events are read apart."""
    needs = list_needs(plan.metrics)
    contacts = {
        need.key: _of_units(found.contacts[match_of(need)], population) for need in needs if is_plain(need)
    }
    rest = [need for need in needs if not is_plain(need)]
    for start in range(0, len(rest), _MAX_BITS):
        contacts |= _read_needs(snapshot, rest[start : start + _MAX_BITS], population)
    return contacts


def _of_units(events: ContactEvents, population: Population) -> Contacts:
    """Return the events of exposed customers, those of each in the order of time."""
    unit = population.locate(events.customer)
    mine = np.flatnonzero(unit >= 0)
    return Contacts(unit=unit[mine], ts=events.ts[mine], value=events.value[mine])


def _read_needs(snapshot: Snapshot, needs: Sequence[Need], population: Population) -> dict[str, Contacts]:
    """Return the events of some needs, read in one pass."""
    names = sorted({name for need in needs for name in (need.label, need.number) if name is not None})
    with_channel = any(need.by_channel for need in needs)
    found = snapshot.contacts([need.matchers() for need in needs], names, with_channel=with_channel)
    channels = code(found["channel"]) if with_channel else None
    texts = {name: code(found[f"property_{place}"]) for place, name in enumerate(names)}
    unit = population.locate(found["customer"])
    contacts = {}
    for bit, need in enumerate(needs):
        value = found["value"] if need.number is None else _numbers(*texts[need.number])
        hit = (found["mask"] >> bit) & 1 == 1
        if need.is_strict or need.number is not None:
            hit &= ~np.isnan(value)
        label, labels = texts[need.label] if need.label is not None else (None, ())
        if need.by_channel and channels is not None:
            label, labels = channels
        contacts[need.key] = Contacts(
            unit=unit[hit],
            ts=found["ts_us"][hit],
            # An event without a value is worth nothing.
            value=np.nan_to_num(value[hit], nan=0.0),
            label=None if label is None else label[hit],
            labels=labels,
        )
    return contacts


def _numbers(codes: NDArray[np.int32], vocabulary: Sequence[str]) -> FloatArray:
    """Return the numbers that texts stand for, NaN where one is none."""
    numbers = np.array([*(_number(text) for text in vocabulary), np.nan])
    return np.asarray(numbers[codes])


def _number(text: str) -> float:
    """Read a number; text that is none, and what is not finite, is NaN."""
    try:
        value = float(text)
    except ValueError:
        return float("nan")
    return value if np.isfinite(value) else float("nan")


def _scores(snapshot: Snapshot, plan: AnalysisPlan, population: Population) -> dict[str, Contacts]:
    """Return the scores that customers gave, by name."""
    names = list_scores(plan.metrics)
    if not names:
        return {}
    found = snapshot.scores(names)
    unit = population.locate(found["customer"])
    return {
        name: Contacts(
            unit=unit[hit], ts=found["ts_us"][hit], value=np.asarray(found["value"], np.float64)[hit]
        )
        for name in names
        for hit in [found["name"] == name]
    }


def _count(snapshot: Snapshot, exposed: Exposed) -> Counts:
    """Count what was read."""
    who = snapshot.who
    return Counts(
        n_events=snapshot.fact_counts["touchpoint"],
        n_customers=who.count_customers(exposed.facts.code),
        data_through_us=snapshot.data_through_us(),
        fact_versions=snapshot.versions,
        shared_ids=who.names_of(who.identities.shared),
        n_refused_links=len(who.identities.refused_links),
        n_limited_links=len(who.identities.limited_links),
        fact_counts=snapshot.fact_counts,
        limited_ids=who.names_of(who.identities.flagged),
        unknown_variants=exposed.unknown_variants,
        n_ungrouped=exposed.n_ungrouped,
        n_overrides=exposed.n_overrides,
    )
