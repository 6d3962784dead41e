"""The same facts read over other units: some customers only, or the ids that were assigned."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from abplat.analysis.encounters import Encounters
from abplat.analysis.gathered import Flags, Gathered, IntArray, WalkedJourney
from abplat.analysis.plan import AnalysisPlan
from abplat.analysis.population import Population
from abplat.analysis.walking import lay_out

NOBODY = -1
"""The variant of who takes no part."""

Columns = TypeVar("Columns")


def restrict(gathered: Gathered, keep: Flags) -> Gathered:
    """Return the same facts with some customers taking part in no arm.

    Which customers may be left out without bias depends on what they are chosen by: only what was
    known before the exposure is harmless.
    """
    population = gathered.population
    kept = replace(population, variant=np.where(keep, population.variant, NOBODY).astype(np.int32))
    return replace(gathered, population=kept, mature=np.asarray(gathered.mature & keep))


def by_assigned_id(gathered: Gathered, encounters: Encounters, plan: AnalysisPlan) -> Gathered:
    """Return the same facts with every assigned id as a unit of its own.

    Each id has the variant and time of its own first exposure, and what its customer did from
    then on. Ids of one customer share what that customer did: errors must be clustered.
    """
    owner = encounters.unit[encounters.first]
    population = _assigned(gathered.population, encounters)
    return replace(
        gathered,
        population=population,
        mature=population.mature(gathered.horizon_us, gathered.as_of_us),
        walked={
            key: _repeat_journeys(each, owner, population, plan) for key, each in gathered.walked.items()
        },
        contacts={key: _repeat_rows(each, each.unit, owner) for key, each in gathered.contacts.items()},
        scores={key: _repeat_rows(each, each.unit, owner) for key, each in gathered.scores.items()},
    )


def _assigned(population: Population, encounters: Encounters) -> Population:
    """Return a population of ids: the customer of an entry is its own position."""
    n, first = len(encounters.ids), encounters.first
    return replace(
        population,
        customer=np.arange(n, dtype=np.int32),
        variant=encounters.variant[first].astype(np.int32),
        first_exposure=encounters.ts[first],
        crossover=np.zeros(n, bool),
        exposures=np.bincount(encounters.assigned, minlength=n),
        coherent_exposures=np.bincount(encounters.assigned, minlength=n),
        n_channels=np.zeros(n, np.int64),
        channel_offset=np.zeros(n + 1, np.int64),
        exposed_channel=np.empty(0, np.int32),
    )


def _repeat_journeys(
    walked: WalkedJourney, owner: IntArray, population: Population, plan: AnalysisPlan
) -> WalkedJourney:
    """Give every id the journeys of its customer."""
    rows, entry = spread(walked.unit, owner)
    journeys = _pick(walked.journeys, rows, len(walked.journeys))
    journeys = replace(journeys, customer=entry.astype(np.int32), member=None)
    return lay_out(journeys, walked.channels, population, horizon_us=plan.horizon_us, grace_us=plan.grace_us)


def _repeat_rows(columns: Any, unit: IntArray, owner: IntArray) -> Any:
    """Give every id the events of its customer."""
    rows, entry = spread(unit, owner)
    return replace(_pick(columns, rows, unit.size), unit=entry)


def spread(unit: IntArray, owner: IntArray) -> tuple[IntArray, IntArray]:
    """Return every pair of a row and an entry that belong to one customer, by entry, then row.

    Examples:
        >>> rows, entry = spread(np.array([0, 1, 0]), np.array([1, 0, 0]))
        >>> rows.tolist(), entry.tolist()
        ([1, 0, 2, 0, 2], [0, 1, 1, 2, 2])
    """
    order = np.argsort(unit, kind="stable").astype(np.int64)
    ordered = unit[order]
    begin, end = np.searchsorted(ordered, owner), np.searchsorted(ordered, owner, side="right")
    count = (end - begin).astype(np.int64)
    entry = np.repeat(np.arange(owner.size, dtype=np.int64), count)
    within = np.arange(entry.size, dtype=np.int64) - np.repeat(np.cumsum(count) - count, count)
    return order[np.repeat(begin, count) + within], entry


def _pick(columns: Columns, rows: NDArray[np.int64], size: int) -> Columns:
    """Return some rows of every column."""
    held = {field.name: getattr(columns, field.name) for field in fields(columns)}  # type: ignore[arg-type]
    picked = {
        name: value[rows]
        for name, value in held.items()
        if isinstance(value, np.ndarray) and len(value) == size
    }
    return replace(columns, **picked)  # type: ignore[type-var]
