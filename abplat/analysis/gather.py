"""Gather what an analysis needs from the lake: scan, identities, population, journeys.

Only facts that had happened and been received by ``as_of`` are read, each event id once: the copy
received first. What is read depends on nothing but facts, plan and ``as_of``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from abplat.analysis.gathered import Contacts, Counts, Gathered, IntArray, WalkedJourney
from abplat.analysis.identity import IdentityMap, resolve
from abplat.analysis.journeys.encode import FactColumns, encode_columns
from abplat.analysis.journeys.matcher import match_journeys
from abplat.analysis.journeys.rollup import roll_up
from abplat.analysis.plan import AnalysisPlan, PlannedMetric
from abplat.analysis.population import POST, PRE, ExposureColumns, Population, first_exposures, relate
from abplat.analysis.snapshot import Snapshot
from abplat.domain.journeys import JourneyDefinition, parse_journey

OVERRIDE = "override"
_COUNTING_KINDS = frozenset({"touchpoint", "value"})


def gather(snapshot: Snapshot, plan: AnalysisPlan) -> Gathered:
    """Read a snapshot of the lake as the plan asks."""
    facts, exposures = snapshot.touchpoints(_reads_props(plan)), snapshot.exposures(plan.experiment["key"])
    actors = list(dict.fromkeys((*facts.actors, *exposures.actors)))
    identities = resolve(actors, snapshot.aliases(), snapshot.as_of_us)
    of_events = identities.customer_of[: len(facts.actors)]
    place = {actor: position for position, actor in enumerate(actors)}
    of_exposures = identities.customer_of[[place[actor] for actor in exposures.actors]]
    population, unknown, n_overrides = _populate(exposures.columns, of_exposures, plan)
    customer = of_events[facts.columns["actor"]] if len(facts.columns["actor"]) else facts.columns["actor"]
    columns = FactColumns(
        customer=customer,
        ts=facts.columns["ts_us"],
        name=facts.columns["name"],
        names=facts.names,
        channel=facts.columns["channel"],
        channels=facts.channels,
        tie=facts.columns["tie"],
        props=facts.props,
    )
    keys = sorted({metric.journey for metric in plan.metrics} | {plan.journey["key"]})
    return Gathered(
        as_of_us=snapshot.as_of_us,
        horizon_us=plan.horizon_us,
        population=population,
        mature=population.mature(plan.horizon_us, snapshot.as_of_us),
        walked={key: _walk(plan.journeys[key], columns, population, plan, snapshot.as_of_us) for key in keys},
        contacts=_contacts(plan, columns, facts.columns["value"], population),
        counts=_count(snapshot, identities, columns, (unknown, n_overrides)),
    )


def _reads_props(plan: AnalysisPlan) -> bool:
    """Tell whether anything looks into properties; they are by far the widest column."""
    documents = [plan.journeys[key] for key in {metric.journey for metric in plan.metrics} | {plan.journey["key"]}]
    if any(document.get("correlate_by") for document in documents):
        return True
    matchers = [
        matcher
        for document in documents
        for part in (*document["stages"], *(document.get("exclude") or ()))
        for matcher in part["match"]
    ]
    matchers += [matcher for metric in plan.metrics for matcher in metric.match or ()]
    return any(matcher.get("props") for matcher in matchers)


def _populate(
    columns: Mapping[str, Any], customer_of: Any, plan: AnalysisPlan
) -> tuple[Population, dict[str, int], int]:
    """Return the population, exposures of unknown variants, and the number of overrides left out."""
    keys = [variant.key for variant in plan.variants]
    position = {key: place for place, key in enumerate(keys)}
    variant = np.array([position.get(key, -1) for key in columns["variant"]], np.int32)
    by_hand = np.array([reason == OVERRIDE for reason in columns["reason"]], bool)
    stranger = variant < 0
    kept = ~stranger & ~by_hand
    names, counts = np.unique(np.array(columns["variant"], dtype=object)[stranger].astype(str), return_counts=True)
    unknown = {str(name): int(count) for name, count in zip(names, counts, strict=True)}
    customer = customer_of[columns["actor"]] if len(columns["actor"]) else columns["actor"]
    exposures = ExposureColumns(
        customer=customer[kept],
        ts=columns["ts_us"][kept],
        variant=variant[kept],
        variants=tuple(keys),
        channel=columns["channel"][kept],
        channels=columns["channels"],
        tie=columns["tie"][kept],
    )
    return first_exposures(exposures), unknown, int(np.count_nonzero(by_hand & ~stranger))


def _walk(
    document: Mapping[str, Any], columns: FactColumns, population: Population, plan: AnalysisPlan, as_of_us: int
) -> WalkedJourney:
    """Find the journeys of one definition and roll them up per exposed customer."""
    definition = parse_journey(dict(document), require_owner=False)
    events = encode_columns(definition, columns)
    journeys = match_journeys(definition, events, as_of_us)
    unit = population.locate(journeys.customer)
    relation = relate(journeys, population, plan.grace_us)
    exposure = population.first_exposure[unit] if len(population) else np.zeros(len(journeys), np.int64)
    counted = (relation == POST) & (journeys.start <= exposure + plan.horizon_us)
    past = (relation == PRE) & (journeys.start >= exposure - plan.horizon_us)
    before = np.bincount(unit[past], weights=journeys.touchpoints[past], minlength=len(population))
    rows = roll_up(journeys, population, horizon_us=plan.horizon_us, grace_us=plan.grace_us)
    return WalkedJourney(
        journeys=journeys,
        channels=events.channels,
        unit=unit,
        counted=counted,
        rows=rows,
        effort_before=before.astype(np.float64),
    )


def _contacts(
    plan: AnalysisPlan, columns: FactColumns, value: Any, population: Population
) -> dict[str, Contacts]:
    """Return the events that each counting metric counts, of exposed customers."""
    metrics = [metric for metric in plan.metrics if metric.kind in _COUNTING_KINDS]
    if not metrics:
        return {}
    unit = population.locate(columns.customer)
    chosen = [metric for metric in metrics if metric.match]
    found = {metric.key: _pick(np.flatnonzero(unit >= 0), unit, columns, value) for metric in metrics if not metric.match}
    if chosen:
        events = encode_columns(_as_stages(chosen), columns)
        for bit, metric in enumerate(chosen):
            places = np.sort(events.source[(events.stage_mask >> bit) & 1 == 1])
            found[metric.key] = _pick(places[unit[places] >= 0], unit, columns, value)
    return found


def _as_stages(metrics: list[PlannedMetric]) -> JourneyDefinition:
    """Write metrics as the stages of a definition, so that the encoder evaluates their matchers.

    Nothing is walked along it: only the mask of matches is read.
    """
    stages: list[dict[str, Any]] = [
        {"key": f"m{place}", "match": [dict(matcher) for matcher in metric.match or ()]}
        for place, metric in enumerate(metrics)
    ]
    # A definition has two stages at least.
    stages += [{"key": "none", "match": stages[0]["match"]}] if len(stages) == 1 else []
    document = {"key": "metrics", "stages": stages, "window": "1s"}
    return parse_journey(document, require_owner=False)


def _pick(places: IntArray, unit: IntArray, columns: FactColumns, value: Any) -> Contacts:
    """Return some events as contacts; an event without a value is worth nothing."""
    return Contacts(
        unit=unit[places].astype(np.int64), ts=columns.ts[places], value=np.nan_to_num(value[places], nan=0.0)
    )


def _count(
    snapshot: Snapshot, identities: IdentityMap, columns: FactColumns, strangers: tuple[dict[str, int], int]
) -> Counts:
    """Count what was read."""
    unknown, n_overrides = strangers
    return Counts(
        n_events=len(columns.ts),
        n_customers=len(identities.customers),
        data_through_us=snapshot.data_through_us(),
        fact_versions=snapshot.versions,
        shared_ids=identities.shared_ids,
        n_refused_links=len(identities.refused_links),
        n_limited_links=len(identities.limited_links),
        unknown_variants=unknown,
        n_overrides=n_overrides,
    )
