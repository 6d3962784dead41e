"""What was known of each customer at the first exposure: what a breakdown may go by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import orjson
from numpy.typing import NDArray

from abplat.analysis.population import Population
from abplat.analysis.registry import Registry
from abplat.analysis.snapshot import Snapshot

Flags: TypeAlias = NDArray[np.bool_]


class Told(NamedTuple):
    """What was told of each customer.

    Attributes:
        code: Per customer a position in ``values``, -1 where nothing was told.
        values: Every value told.
    """

    code: NDArray[np.int64]
    values: Sequence[Any]


@dataclass(frozen=True, slots=True)
class Profile:
    """One entry per exposed customer, in the order of the population.

    Attributes:
        returning: Whether a touchpoint of the customer lies before the first exposure.
        attributes: Per name the value told last before the exposure.
        members: Per segment that lists its members, whether one of the customer's ids is listed.
    """

    returning: Flags
    attributes: Mapping[str, Told]
    members: Mapping[str, Flags]


def read_profile(
    snapshot: Snapshot,
    population: Population,
    registry: Registry,
    names: Sequence[str],
    first_seen: NDArray[np.int64] | None,
) -> Profile:
    """Read what was known of the customers of a population before their first exposure.

    Args:
        snapshot: The facts.
        population: The customers.
        registry: The segments.
        names: Attributes to read.
        first_seen: Per customer of the snapshot the first touchpoint, where a reading has met it.
    """
    told = {}
    if names or first_seen is None:
        with snapshot.before_exposure(population.customer, population.first_exposure) as before:
            told = {name: _place(population, *found) for name, found in before.attributes(names).items()}
            seen = before.returning() if first_seen is None else ()
    if first_seen is None:
        returning = np.zeros(len(population), bool)
        returning[population.locate(np.asarray(seen, np.int64))] = True
    else:
        returning = first_seen[population.customer] < population.first_exposure
    return Profile(
        returning=returning,
        attributes=told,
        members={
            key: _list_members(snapshot, population, document["members"])
            for key, document in registry.segments.items()
            if document.get("members") is not None
        },
    )


def _place(
    population: Population, customer: NDArray[np.int64], code: NDArray[np.int64], texts: Sequence[str]
) -> Told:
    """Return what was told of the customers of a population."""
    found = np.full(len(population), -1, np.int64)
    found[population.locate(customer)] = code
    return Told(found, tuple(orjson.loads(text) for text in texts))


def _list_members(snapshot: Snapshot, population: Population, members: Sequence[str]) -> Flags:
    """Return whose ids are listed."""
    who = snapshot.who
    codes = snapshot.codes_of(sorted(set(members)))
    places = who.place_of[codes[codes >= 0]]
    units = population.locate(who.identities.customer_of[places[places >= 0]])
    found = np.zeros(len(population), bool)
    found[units[units >= 0]] = True
    return found
