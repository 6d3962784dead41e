"""How the experiment met its customers: every exposure that counts, by the id that was assigned.

The population says what a customer is; this says how that customer came to be one: which ids were
exposed, in which channel and by which SDK, what was a fresh assignment and what copied an earlier
one, and since when the person behind an id was known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from abplat.analysis.exposed import Exposed, compact
from abplat.analysis.who import Names, Who

Ints: TypeAlias = NDArray[np.int64]
Flags: TypeAlias = NDArray[np.bool_]


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
        ids: The ids that were exposed, each of which was an assignment; read while the snapshot is open.
        first: Per id its earliest exposure.
        fresh: Per id whether its earliest exposure was decided for this very id.
        n_ids: Per customer the ids joined as of the snapshot.
        identified: Per customer whether a ``cust:`` id is known by now.
        known_before: Per customer whether the exposed id was joined to a ``cust:`` id by the exposure.
        groups: The exposed ids that stand for a group of people, such as a store.
    """

    unit: Ints
    assigned: Ints
    variant: Ints
    ts: Ints
    channel: Ints
    sdk: Ints
    channels: tuple[str, ...]
    sdks: tuple[str, ...]
    ids: Sequence[str]
    first: Ints
    fresh: Flags
    n_ids: Ints
    identified: Flags
    known_before: Flags
    groups: tuple[str, ...]


def meet(exposed: Exposed, who: Who) -> Encounters:
    """Describe how a population was met.

    Args:
        exposed: The exposures, and the population they make.
        who: Who is who, and the links that made it so.
    """
    facts, population = exposed.facts, exposed.population
    kept = np.flatnonzero(exposed.counting)
    actor = who.place_of[facts.code[kept]].astype(np.int64)
    unit = population.locate(who.identities.customer_of[actor])
    used, assigned = _number(actor, who.code_of.size)
    first = first_of_each(assigned, used.size)
    channel, channels = compact(facts.channel[kept], facts.channels)
    sdk, sdks = compact(facts.sdk[kept], facts.sdks)
    names = who.identities.named_by[population.customer]
    earliest = first_of_each(unit, len(population))
    return Encounters(
        unit=unit.astype(np.int64),
        assigned=assigned,
        variant=exposed.variant[kept].astype(np.int64),
        ts=facts.ts[kept],
        channel=channel.astype(np.int64),
        sdk=sdk.astype(np.int64),
        channels=channels,
        sdks=sdks,
        ids=Names(who, used),
        first=first.astype(np.int64),
        fresh=~facts.inherited[kept][first],
        n_ids=who.n_ids[population.customer],
        identified=who.is_customer[names],
        known_before=_known_before(who, actor[earliest], population.first_exposure),
        groups=who.names_of(used[who.is_group[used]]),
    )


def _number(actor: Ints, n: int) -> tuple[Ints, Ints]:
    """Return the actors met, sorted, and which of them each one is."""
    met = np.zeros(n, bool)
    met[actor] = True
    used = np.flatnonzero(met)
    place = np.empty(n, np.int64)
    place[used] = np.arange(used.size)
    return used, place[actor]


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


def _known_before(who: Who, actor: Ints, exposed_us: Ints) -> Flags:
    """Return whether the exposed id, and the customer behind it, had been joined by the exposure."""
    joined, named = who.joined_us
    since = np.maximum(joined[actor], named[who.identities.customer_of[actor]])
    return np.asarray(who.is_customer[actor] | (since <= exposed_us))
