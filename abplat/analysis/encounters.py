"""How the experiment met its customers: every exposure that counts, by the id that was assigned.

The population says what a customer is; this says how that customer came to be one: which ids were
exposed, in which channel and by which SDK, what was a fresh assignment and what copied an earlier
one, and since when the person behind an id was known.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from abplat.analysis.identity import Alias, IdentityMap
from abplat.analysis.journeys.encode import code
from abplat.analysis.population import Population
from abplat.analysis.snapshot import Exposure
from abplat.domain.identity import AUTHORITATIVE, id_type

Ints: TypeAlias = NDArray[np.int64]
Flags: TypeAlias = NDArray[np.bool_]

INHERITED = frozenset({"pinned"})
"""Reasons of a decision that copies what was decided before."""
NEVER = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True)
class Encounters:
    """One entry per exposure in the order of time, one per assigned id, one per customer.

    Attributes:
        unit: Per exposure the position of its customer in the population.
        assigned: Per exposure the position of its id in ``ids``.
        variant: Per exposure the variant shown.
        ts: Per exposure when.
        channel: Per exposure a position in ``channels``, -1 unknown.
        sdk: Per exposure a position in ``sdks``, -1 unknown.
        ids: The ids that were exposed, each of which was an assignment.
        first: Per id its earliest exposure.
        fresh: Per id whether its earliest exposure was decided for this very id.
        n_ids: Per customer the ids joined as of the snapshot.
        identified: Per customer whether a ``cust:`` id is known by now.
        known_before: Per customer whether the exposed id was joined to a ``cust:`` id by the exposure.
    """

    unit: Ints
    assigned: Ints
    variant: Ints
    ts: Ints
    channel: Ints
    sdk: Ints
    channels: tuple[str, ...]
    sdks: tuple[str, ...]
    ids: tuple[str, ...]
    first: Ints
    fresh: Flags
    n_ids: Ints
    identified: Flags
    known_before: Flags


def meet(
    exposures: Sequence[Exposure],
    identities: IdentityMap,
    aliases: Sequence[Alias],
    variants: Mapping[str, int],
    population: Population,
) -> Encounters:
    """Describe how a population was met.

    Args:
        exposures: Those that count, in the order of time and event id.
        identities: Who is who.
        aliases: The links that made it so.
        variants: Position of each variant.
        population: The customers of those exposures.
    """
    codes = {key: place for place, key in enumerate(identities.ids)}
    actor = np.array([codes[exposure.actor] for exposure in exposures], np.int64)
    unit = population.locate(identities.customer_of[actor]) if actor.size else actor
    used, first, assigned = np.unique(actor, return_index=True, return_inverse=True)
    channel, channels = code(exposure.channel for exposure in exposures)
    sdk, sdks = code(exposure.sdk for exposure in exposures)
    earliest = first_of_each(unit, len(population))
    copied = np.array([exposure.reason in INHERITED for exposure in exposures], bool)
    return Encounters(
        unit=unit.astype(np.int64),
        assigned=assigned.astype(np.int64),
        variant=np.array([variants[exposure.variant] for exposure in exposures], np.int64),
        ts=np.array([exposure.ts_us for exposure in exposures], np.int64),
        channel=channel.astype(np.int64),
        sdk=sdk.astype(np.int64),
        channels=channels,
        sdks=sdks,
        ids=tuple(identities.ids[place] for place in used.tolist()),
        first=first.astype(np.int64),
        fresh=~copied[first],
        n_ids=np.bincount(identities.customer_of, minlength=len(identities.customers))[population.customer],
        identified=np.array([_is_known(identities.customers[c]) for c in population.customer.tolist()], bool),
        known_before=_known_before(identities, aliases, actor[earliest], population.first_exposure),
    )


def first_of_each(owner: NDArray[Any], n: int) -> Ints:
    """Return where each owner stands for the first time; every owner 0..n-1 stands somewhere.

    Examples:
        >>> first_of_each(np.array([1, 0, 1]), 2).tolist()
        [1, 0]
    """
    first = np.zeros(n, np.int64)
    place = np.arange(owner.size, dtype=np.int64)
    first[owner[::-1]] = place[::-1]
    return first


def _is_known(typed_id: str) -> bool:
    """Tell whether an id names a customer."""
    return id_type(typed_id) == AUTHORITATIVE


def _known_before(identities: IdentityMap, aliases: Sequence[Alias], actor: Ints, exposed_us: Ints) -> Flags:
    """Return whether the exposed id, and the customer behind it, had been joined by the exposure."""
    codes = {key: place for place, key in enumerate(identities.ids)}
    joined = np.full(len(identities.ids), NEVER, np.int64)
    named = np.full(len(identities.customers), NEVER, np.int64)
    for alias in aliases:
        ends = [codes[key] for key in (alias.a, alias.b) if key in codes]
        customers = {int(identities.customer_of[end]) for end in ends}
        if len(ends) == 2 and len(customers) == 1:
            joined[ends] = np.minimum(joined[ends], alias.ts_us)
            if _is_known(alias.a) or _is_known(alias.b):
                (customer,) = customers
                named[customer] = min(int(named[customer]), alias.ts_us)
    own = np.array([_is_known(identities.ids[place]) for place in actor.tolist()], bool)
    since = np.maximum(joined[actor], named[identities.customer_of[actor]])
    return np.asarray(own | (since <= exposed_us))
