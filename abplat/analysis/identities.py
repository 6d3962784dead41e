"""The identity map as columns: the same customers as :func:`abplat.analysis.identity.resolve` finds.

Ids are numbers in the order of their names, so the customer of a component is its ``cust:`` id or
else its lowest number, and nobody's name is needed. Millions of ids take tenths of a second.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from abplat.analysis import identity_kernel as k
from abplat.domain.identity import IdentityPolicy

Ints: TypeAlias = NDArray[np.int64]
Flags: TypeAlias = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class LinkColumns:
    """Links between ids, in the order in which they are taken."""

    a: Ints
    b: Ints
    ts: Ints


@dataclass(frozen=True, slots=True)
class IdColumns:
    """What the rules of joining need to know of each id, in the order of their names."""

    is_customer: Flags
    kind: NDArray[np.int8]
    """Place of the id's type among those that have a limit, -1 for any other."""
    is_blocked: Flags
    """Whether the id can tell nobody apart."""

    def __len__(self) -> int:
        """Return the number of ids."""
        return int(self.is_customer.size)


@dataclass(frozen=True, slots=True)
class Identities:
    """Who is who, by number. Positions are those of the links handed in."""

    customer_of: NDArray[np.int32]
    """Per id its customer; customers are numbered in the order of their names."""
    n_customers: int
    named_by: NDArray[np.int32]
    """Per customer the id that names it."""
    shared: Ints
    """Ids linked directly to two or more customers."""
    refused_links: Ints
    blocked_links: Ints
    limited_links: Ints
    flagged: Ints
    """The ids that limited links left outside."""

    def count(self, exists: Flags) -> int:
        """Return the number of customers of whom some id exists."""
        met = np.zeros(self.n_customers, bool)
        met[self.customer_of[exists]] = True
        return int(np.count_nonzero(met))


def identify(ids: IdColumns, links: LinkColumns, policy: IdentityPolicy | None = None) -> Identities:
    """Join ids into customers.

    Args:
        ids: All ids.
        links: All links that exist as of the instant.
        policy: Limits of types, in the order that ``ids.kind`` refers to.
    """
    limits = (policy or IdentityPolicy()).limits
    blocked = ids.is_blocked[links.a] | ids.is_blocked[links.b]
    shared = _find_shared(ids.is_customer, links, ~blocked)
    is_shared = np.zeros(len(ids), bool)
    is_shared[shared] = True
    taken = np.flatnonzero(~blocked & ~is_shared[links.a] & ~is_shared[links.b])
    parent, customer = np.empty(len(ids), np.int32), np.empty(len(ids), np.int32)
    fate = k.join_all(
        (links.a[taken], links.b[taken], links.ts[taken]),
        ids.kind,
        ids.is_customer,
        (
            np.array([limit.count for limit in limits.values()], np.int64),
            np.array([-1 if x.within_us is None else x.within_us for x in limits.values()], np.int64),
        ),
        parent,
        customer,
    )
    names = k.number_customers(k.find_roots(parent), customer)
    outside = np.where(fate == k.LIMITED, links.a[taken], links.b[taken])
    return Identities(
        customer_of=names[0],
        n_customers=int(names[1].size),
        named_by=names[1],
        shared=shared,
        refused_links=taken[fate == k.REFUSED],
        blocked_links=np.flatnonzero(blocked),
        limited_links=taken[fate >= k.LIMITED],
        flagged=np.unique(outside[fate >= k.LIMITED]),
    )


def _find_shared(is_customer: Flags, links: LinkColumns, usable: Flags) -> Ints:
    """Return the ids linked directly to two or more customers."""
    forth = usable & ~is_customer[links.a] & is_customer[links.b]
    back = usable & ~is_customer[links.b] & is_customer[links.a]
    one = np.concatenate([links.a[forth], links.b[back]])
    person = np.concatenate([links.b[forth], links.a[back]])
    if not one.size:
        return np.empty(0, np.int64)
    lowest, highest = np.full(is_customer.size, is_customer.size), np.full(is_customer.size, -1)
    np.minimum.at(lowest, one, person)
    np.maximum.at(highest, one, person)
    return np.flatnonzero(lowest < highest)


def find_blocked(
    suspects: Sequence[int], names_of: Callable[[Sequence[int]], Any], policy: IdentityPolicy | None = None
) -> list[int]:
    """Return the suspects that the policy blocks.

    Args:
        suspects: Ids that may be blocked, by number.
        names_of: Gives their names.
        policy: What is blocked.
    """
    rules = policy or IdentityPolicy()
    return [code for code, name in names_of(suspects).items() if rules.is_blocked(name)]
