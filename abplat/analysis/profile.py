"""What was known of each customer at the first exposure: what a breakdown may go by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import orjson
from numpy.typing import NDArray

from abplat.analysis.population import Population
from abplat.analysis.registry import Registry
from abplat.analysis.snapshot import Snapshot

Flags: TypeAlias = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Profile:
    """One entry per exposed customer, in the order of the population.

    Attributes:
        returning: Whether a touchpoint of the customer lies before the first exposure.
        attributes: Per name the value told last before the exposure, None where none was told.
        members: Per segment that lists its members, whether one of the customer's ids is listed.
    """

    returning: Flags
    attributes: Mapping[str, tuple[Any, ...]]
    members: Mapping[str, Flags]


def read_profile(
    snapshot: Snapshot,
    population: Population,
    registry: Registry,
    names: Sequence[str],
) -> Profile:
    """Read what was known of the customers of a population before their first exposure."""
    seen, told = snapshot.before_exposure(population.customer, population.first_exposure, names)
    returning = np.zeros(len(population), bool)
    returning[population.locate(seen)] = True
    return Profile(
        returning=returning,
        attributes={name: _place(population, told[name]) for name in names},
        members={
            key: _list_members(snapshot, population, document["members"])
            for key, document in registry.segments.items()
            if document.get("members") is not None
        },
    )


def _place(population: Population, told: Sequence[tuple[int, str]]) -> tuple[Any, ...]:
    """Return one value per customer."""
    values: list[Any] = [None] * len(population)
    units = population.locate(np.array([customer for customer, _ in told], np.int64))
    for unit, (_, text) in zip(units.tolist(), told, strict=True):
        values[unit] = orjson.loads(text)
    return tuple(values)


def _list_members(snapshot: Snapshot, population: Population, members: Sequence[str]) -> Flags:
    """Return whose ids are listed."""
    who = snapshot.who
    codes = snapshot.codes_of(sorted(set(members)))
    places = who.place_of[codes[codes >= 0]]
    units = population.locate(who.identities.customer_of[places[places >= 0]])
    found = np.zeros(len(population), bool)
    found[units[units >= 0]] = True
    return found
