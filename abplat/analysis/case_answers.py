"""Answers a case: what the platform says about its input, in the shape of ``expect``."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from abplat.analysis.case_reader import ExposureRow, JourneyCase, read_case
from abplat.analysis.identity import resolve
from abplat.analysis.journeys import twin
from abplat.analysis.journeys.encode import code, encode_rows
from abplat.analysis.journeys.events import EventRow
from abplat.analysis.journeys.journey import Journey
from abplat.analysis.journeys.matcher import match_journeys
from abplat.analysis.journeys.results import JourneyColumns, describe
from abplat.analysis.journeys.rollup import roll_up
from abplat.analysis.population import (
    RELATIONS,
    ExposureColumns,
    Population,
    count_variants,
    first_exposures,
    members,
    relate,
)
from abplat.clock import format_instant, from_micros
from abplat.errors import InvalidInputError


def answer_journeys(case: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Answer a journey case twice: by the compiled pass and by its plain twin.

    Returns:
        What the compiled pass says about everything in the case, and the twin's ``journeys``.
        A refused input is answered by its code: ``{"error": .., "message": ..}``.
    """
    try:
        read = read_case(case)
    except InvalidInputError as error:
        codes = [problem.code for problem in error.problems]
        answer = {"error": codes[0], "message": error.message, "codes": codes}
        return answer, answer
    return _answer(read)


def _answer(case: JourneyCase) -> tuple[dict[str, Any], dict[str, Any]]:
    """Resolve, match, relate and count."""
    exposures = _existing(case.exposures or [], case.as_of_us)
    actors = dict.fromkeys([row.actor for row in case.events] + [row.actor for row in exposures])
    identity = resolve(list(actors), case.links or [], case.as_of_us)
    names = identity.names()
    rows = [dataclasses.replace(row, actor=names[row.actor]) for row in case.events]
    events, customers = encode_rows(case.definition, rows, case.as_of_us, identity.customers)
    columns = match_journeys(case.definition, events, case.as_of_us, members=True)
    journeys = [_in_words(j) for j in describe(columns, case.definition, events, customers)]
    answer: dict[str, Any] = {"journeys": journeys}
    if case.links is not None:
        answer |= {"shared_ids": list(identity.shared_ids), "refused_links": list(identity.refused_links)}
    if case.exposures is not None:
        _add_exposures(answer, case, columns, _population(exposures, names, customers), customers)
    return answer, {"journeys": _twin(case, rows, answer["journeys"])}


def _twin(case: JourneyCase, rows: list[EventRow], compiled: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the twin's journeys; what the matcher does not decide is taken over."""
    plain = [_in_words(journey) for journey in twin.match_journeys(case.definition, rows, case.as_of_us)]
    for one, other in zip(plain, compiled, strict=False):
        one |= {name: other[name] for name in ("variant", "relation") if name in other}
    return plain


def _existing(rows: list[ExposureRow], as_of_us: int) -> list[ExposureRow]:
    """Return the exposures that exist as of the snapshot, each id once: the copy received first."""
    seen: dict[str, ExposureRow] = {}
    for row in rows:
        exists = row.ts_us <= as_of_us and row.received_us <= as_of_us
        if exists and (row.id not in seen or row.received_us < seen[row.id].received_us):
            seen[row.id] = row
    return list(seen.values())


def _population(rows: list[ExposureRow], names: Mapping[str, str], customers: tuple[str, ...]) -> Population:
    """Return the exposed customers."""
    places = {name: i for i, name in enumerate(customers)}
    variant, variants = code(row.variant for row in rows)
    channel, channels = code(row.channel for row in rows)
    tie, _ = code(row.id for row in rows)
    return first_exposures(
        ExposureColumns(
            customer=np.array([places[names[row.actor]] for row in rows], np.int32),
            ts=np.array([row.ts_us for row in rows], np.int64),
            variant=variant,
            variants=variants,
            channel=channel,
            channels=channels,
            tie=tie,
        )
    )


def _add_exposures(
    answer: dict[str, Any],
    case: JourneyCase,
    columns: JourneyColumns,
    population: Population,
    customers: tuple[str, ...],
) -> None:
    """Add what only exposures tell: variants, relations, customers and counts."""
    at = population.locate(columns.customer).tolist()
    relations = relate(columns, population, case.grace_us).tolist()
    for journey, place, relation in zip(answer["journeys"], at, relations, strict=True):
        journey["variant"] = None if place < 0 else population.variants[population.variant[place]]
        journey["relation"] = RELATIONS[relation]
    answer["customers"] = [_customer(population, i, customers) for i in range(len(population))]
    rows = roll_up(columns, population, horizon_us=case.horizon_us, grace_us=case.grace_us)
    answer["metrics"] = {}
    for name in case.populations:
        keep = members(population, name, case.horizon_us, case.as_of_us)
        counts = count_variants(population, rows, keep)
        answer["metrics"][name] = {key: dataclasses.asdict(value) for key, value in counts.items()}


def _customer(population: Population, i: int, customers: tuple[str, ...]) -> dict[str, Any]:
    """Describe one exposed customer."""
    return {
        "customer": customers[population.customer[i]],
        "variant": population.variants[population.variant[i]],
        "first_exposure": _time(int(population.first_exposure[i])),
        "crossover": bool(population.crossover[i]),
        "exposures": int(population.exposures[i]),
        "coherent_exposures": int(population.coherent_exposures[i]),
        "exposed_channels": list(population.channels_of(i)),
    }


def _in_words(journey: Journey) -> dict[str, Any]:
    """Describe one journey."""
    return {
        "customer": journey.customer,
        "n": journey.n,
        "key": journey.key,
        "status": journey.status,
        "reason": journey.reason,
        "provisional": journey.provisional,
        "start": _time(journey.start_us),
        "end": _time(journey.end_us),
        "duration_s": _seconds(journey.end_us - journey.start_us),
        "reached": [[stage, _time(ts)] for stage, ts in journey.reached],
        "next_stage": journey.next_stage,
        "touchpoints": journey.touchpoints,
        "channels": list(journey.channels),
        "channel_switches": journey.channel_switches,
        "links": [
            {
                "from": link.from_stage,
                "to": link.to_stage,
                "from_channel": link.from_channel,
                "to_channel": link.to_channel,
                "latency_s": _seconds(link.latency_us),
            }
            for link in journey.links
        ],
        "repeats": journey.repeats,
        "backtracks": journey.backtracks,
        "recaptures": journey.recaptures,
    }


def _time(micros: int) -> str:
    """Write an instant."""
    return format_instant(from_micros(micros))


def _seconds(micros: int) -> int | float:
    """Return seconds, whole where they are whole."""
    return micros // 1_000_000 if micros % 1_000_000 == 0 else micros / 1_000_000
