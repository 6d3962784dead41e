"""Gather what an analysis needs from the lake: identities, population, journeys, contacts.

Only facts that had happened and been received by ``as_of`` are read, each event id once: the copy
received first. What is read depends on nothing but facts, plan and ``as_of``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from abplat.analysis.encounters import meet
from abplat.analysis.gathered import Contacts, Counts, FloatArray, Gathered, WalkedJourney
from abplat.analysis.identity import IdentityMap, resolve
from abplat.analysis.journeys.encode import code
from abplat.analysis.journeys.matcher import match_journeys
from abplat.analysis.journeys.steps import trace
from abplat.analysis.needs import Need, list_needs, list_scores
from abplat.analysis.plan import AnalysisPlan
from abplat.analysis.population import ExposureColumns, Population, first_exposures
from abplat.analysis.profile import read_profile
from abplat.analysis.serving import read_capable
from abplat.analysis.snapshot import Exposure, Snapshot
from abplat.analysis.walking import lay_out
from abplat.domain.identity import id_type
from abplat.domain.journeys import parse_journey

OVERRIDE = "override"
_MAX_BITS = 60
"""Needs that one pass can tell apart."""


def gather(snapshot: Snapshot, plan: AnalysisPlan) -> Gathered:
    """Read a snapshot of the lake as the plan asks."""
    exposures = snapshot.exposures(plan.experiment["key"])
    actors = list(dict.fromkeys((*snapshot.actors(), *(exposure.actor for exposure in exposures))))
    aliases = snapshot.aliases()
    identities = resolve(actors, aliases, snapshot.as_of_us)
    customer_of = dict(zip(identities.ids, identities.customer_of.tolist(), strict=True))
    kept = _keep(exposures, customer_of, plan)
    population = _populate(exposures, customer_of, plan)
    _choose(snapshot, actors, identities, population)
    profile = read_profile(snapshot, population, identities, plan.registry, plan.attributes)
    capable = read_capable(snapshot, plan.registry, population)
    parts = [part for metric in plan.metrics for _, part in metric.parts]
    keys = sorted({metric.journey for metric in (*plan.metrics, *parts)} | {plan.journey["key"]})
    return Gathered(
        as_of_us=snapshot.as_of_us,
        horizon_us=plan.horizon_us,
        population=population,
        mature=population.mature(plan.horizon_us, snapshot.as_of_us),
        walked={
            key: _walk(snapshot, plan.journeys[key], population, plan, len(identities.customers))
            for key in keys
        },
        contacts=_contacts(snapshot, plan, population),
        scores=_scores(snapshot, plan, population),
        counts=_count(snapshot, identities, exposures, plan),
        n_earlier=len(
            _earlier(
                [each for each in exposures if _counts_for(each, plan, _places(plan))], customer_of, plan
            )
        ),
        encounters=meet(kept, identities, aliases, _places(plan), population),
        profile=profile,
        capable=capable,
    )


def _is_override(exposure: Exposure, plan: AnalysisPlan) -> bool:
    """Tell whether a unit was put into its variant by hand: it says so, or the plan lists it."""
    return exposure.reason == OVERRIDE or exposure.actor in (plan.experiment.get("overrides") or ())


def _counts_for(exposure: Exposure, plan: AnalysisPlan, known: Mapping[str, int]) -> bool:
    """Tell whether an exposure puts its customer into the population.

    Units put into a variant by hand are not randomised; a variant that is not planned is none.
    """
    known_variant = exposure.variant in known and not _is_override(exposure, plan)
    return known_variant and not (plan.is_clustered and _cluster_of(exposure, plan) is None)


def _cluster_of(exposure: Exposure, plan: AnalysisPlan) -> str | None:
    """Return the group that was drawn: as the exposure says, or the id that met it where that is one."""
    if exposure.cluster is not None:
        return exposure.cluster
    return exposure.actor if id_type(exposure.actor) == plan.experiment.get("unit_type") else None


def _places(plan: AnalysisPlan) -> dict[str, int]:
    """Return the position of each variant."""
    return {variant.key: place for place, variant in enumerate(plan.variants)}


def _keep(
    exposures: Sequence[Exposure], customer_of: Mapping[str, int], plan: AnalysisPlan
) -> list[Exposure]:
    """Return the exposures that count, of customers of the present phase."""
    known = _places(plan)
    counting = [exposure for exposure in exposures if _counts_for(exposure, plan, known)]
    earlier = _earlier(counting, customer_of, plan)
    return [exposure for exposure in counting if customer_of[exposure.actor] not in earlier]


def _populate(
    exposures: Sequence[Exposure], customer_of: Mapping[str, int], plan: AnalysisPlan
) -> Population:
    """Return who was exposed to what, by the earliest exposure of each customer."""
    known = _places(plan)
    kept = _keep(exposures, customer_of, plan)
    channel, channels = code(exposure.channel for exposure in kept)
    cluster, clusters = code(_cluster_of(exposure, plan) for exposure in kept)
    columns = ExposureColumns(
        customer=np.array([customer_of[exposure.actor] for exposure in kept], np.int32),
        ts=np.array([exposure.ts_us for exposure in kept], np.int64),
        variant=np.array([known[exposure.variant] for exposure in kept], np.int32),
        variants=tuple(known),
        channel=channel,
        channels=channels,
        # They come in the order of time and event id.
        tie=np.arange(len(kept)),
        cluster=cluster if plan.is_clustered else None,
        clusters=clusters if plan.is_clustered else (),
    )
    return first_exposures(columns)


def _earlier(exposures: Sequence[Exposure], customer_of: Mapping[str, int], plan: AnalysisPlan) -> set[int]:
    """Return the customers of earlier phases: they were drawn by other weights or another salt."""
    if plan.counts_from_us is None:
        return set()
    return {customer_of[exposure.actor] for exposure in exposures if _is_earlier(exposure, plan)}


def _is_earlier(exposure: Exposure, plan: AnalysisPlan) -> bool:
    """Tell whether an earlier phase decided an exposure: it says so itself, else its time does.

    An SDK may go by the configuration before for as long as it has no newer one.
    """
    if exposure.phase is not None:
        return exposure.phase < plan.counts_from_phase
    return plan.counts_from_us is not None and exposure.ts_us < plan.counts_from_us


def _choose(
    snapshot: Snapshot, actors: Sequence[str], identities: IdentityMap, population: Population
) -> None:
    """Ask for the events of exposed customers alone."""
    customer = identities.customer_of[: len(actors)]
    exposed = np.flatnonzero(population.locate(customer) >= 0).tolist()
    snapshot.choose_customers(
        [actors[place] for place in exposed], (int(customer[place]) for place in exposed)
    )


def _walk(
    snapshot: Snapshot,
    document: Mapping[str, Any],
    population: Population,
    plan: AnalysisPlan,
    n_customers: int,
) -> WalkedJourney:
    """Find the journeys of one definition and roll them up per exposed customer."""
    definition = parse_journey(dict(document), require_owner=False)
    is_own = definition.key == plan.journey["key"]
    events = snapshot.events(definition, n_customers)
    journeys = match_journeys(definition, events, snapshot.as_of_us, members=is_own)
    return lay_out(
        journeys,
        events.channels,
        population,
        horizon_us=plan.horizon_us,
        grace_us=plan.grace_us,
        steps=trace(journeys, events) if is_own else None,
    )


def _contacts(snapshot: Snapshot, plan: AnalysisPlan, population: Population) -> dict[str, Contacts]:
    """Return the events that metrics count."""
    needs = list_needs(plan.metrics)
    found: dict[str, Contacts] = {}
    for start in range(0, len(needs), _MAX_BITS):
        found |= _read_needs(snapshot, needs[start : start + _MAX_BITS], population)
    return found


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


def _count(
    snapshot: Snapshot, identities: IdentityMap, exposures: Sequence[Exposure], plan: AnalysisPlan
) -> Counts:
    """Count what was read."""
    known = _places(plan)
    strangers = Counter(exposure.variant for exposure in exposures if exposure.variant not in known)
    return Counts(
        n_events=snapshot.count_events(),
        n_customers=len(identities.customers),
        data_through_us=snapshot.data_through_us(),
        fact_versions=snapshot.versions,
        shared_ids=identities.shared_ids,
        n_refused_links=len(identities.refused_links),
        n_limited_links=len(identities.limited_links),
        unknown_variants=dict(sorted(strangers.items())),
        fact_counts=snapshot.count_facts(),
        limited_ids=identities.flagged_ids,
        n_ungrouped=sum(plan.is_clustered and _cluster_of(exposure, plan) is None for exposure in exposures),
        n_overrides=sum(_is_override(exposure, plan) for exposure in exposures if exposure.variant in known),
    )
