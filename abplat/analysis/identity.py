"""The identity map: from recorded ids to customers, as of one instant.

A union-find under constraints, in the order of time: a component holds at most one ``cust:`` id, an
id linked to two or more customers is shared and never joined, blocked values join nothing, and
limits per type stop runaway merging. Nothing is dropped in silence: every alias that did not join
is reported with why.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from abplat.domain.identity import AUTHORITATIVE, IdentityPolicy, id_type


class Alias(NamedTuple):
    """A statement that two ids belong to one customer."""

    a: str
    b: str
    ts_us: int
    received_us: int


@dataclass(frozen=True, slots=True)
class IdentityMap:
    """Who is who. Positions are those of the aliases handed in."""

    ids: tuple[str, ...]
    """Every id met: the actors first, in their order, then ids known from aliases only."""
    customer_of: NDArray[np.int32]
    """Per id, the customer as a position in ``customers``."""
    customers: tuple[str, ...]
    """Names, sorted: the ``cust:`` id, else the alphabetically first id."""
    shared_ids: tuple[str, ...]
    """Linked directly to two or more customers; sorted."""
    refused_links: tuple[int, ...]
    """Aliases that would have joined two customers."""
    blocked_links: tuple[int, ...]
    """Aliases with a value that tells nobody apart."""
    limited_links: tuple[int, ...]
    """Aliases beyond the limit of a type: flagged, not merged."""
    flagged_ids: tuple[str, ...]
    """The ids that those aliases left outside; sorted."""
    as_of_us: int

    def name(self, typed_id: str) -> str:
        """Return the customer of an id; an id never met is its own customer."""
        code = self._places().get(typed_id)
        return typed_id if code is None else self.customers[self.customer_of[code]]

    def names(self) -> dict[str, str]:
        """Return the customer of every id."""
        return {key: self.customers[self.customer_of[code]] for key, code in self._places().items()}

    def _places(self) -> dict[str, int]:
        """Return the positions of the ids."""
        return {key: i for i, key in enumerate(self.ids)}


def resolve(
    actors: Sequence[str], aliases: Iterable[Alias], as_of_us: int, policy: IdentityPolicy | None = None
) -> IdentityMap:
    """Join ids into customers as of one instant.

    Links hold for the whole history of an id, so the map may change when a later instant is asked
    for; with the same aliases and instant it never does.

    Args:
        actors: The distinct ids that facts carry; ``customer_of[i]`` answers for ``actors[i]``.
        aliases: All aliases known, in any order; ties of time are taken in the order given.
        as_of_us: Aliases that happened or arrived later do not exist.
        policy: Limits and blocked values.
    """
    graph = _Graph(actors, policy or IdentityPolicy())
    existing = [(alias.ts_us, position, alias) for position, alias in enumerate(aliases)
                if alias.ts_us <= as_of_us and alias.received_us <= as_of_us]  # fmt: skip
    existing.sort(key=lambda item: item[:2])
    usable = graph.drop_blocked([(position, alias) for _, position, alias in existing])
    shared = _shared(usable)
    for position, alias in usable:
        if alias.a not in shared and alias.b not in shared:
            graph.join(position, alias)
    return graph.freeze(shared, as_of_us)


def _shared(links: Iterable[tuple[int, Alias]]) -> set[str]:
    """Return the ids linked directly to two or more customers."""
    customer: dict[str, str] = {}
    shared: set[str] = set()
    for _, alias in links:
        for one, other in ((alias.a, alias.b), (alias.b, alias.a)):
            joins_customer = id_type(other) == AUTHORITATIVE and id_type(one) != AUTHORITATIVE
            if joins_customer and customer.setdefault(one, other) != other:
                shared.add(one)
    return shared


class _Graph:
    """The union-find. A component is kept at its root: its customer, and its ids per limited type."""

    def __init__(self, actors: Sequence[str], policy: IdentityPolicy) -> None:
        self.policy = policy
        self.ids: list[str] = []
        self.codes: dict[str, int] = {}
        self.parent: list[int] = []
        self.size: list[int] = []
        self.customer: list[int] = []
        self.joined: dict[int, dict[str, list[int]]] = {}
        """Per root and limited type, when each id joined (ascending); old ones of a span are let go."""
        self.refused: list[int] = []
        self.blocked: list[int] = []
        self.limited: list[int] = []
        self.flagged: set[str] = set()
        for actor in actors:
            self.code(actor)

    def code(self, key: str) -> int:
        """Return the position of an id, adding it when new."""
        known = self.codes.setdefault(key, len(self.ids))
        if known == len(self.ids):
            self.ids.append(key)
            self.parent.append(known)
            self.size.append(1)
            self.customer.append(known if id_type(key) == AUTHORITATIVE else -1)
        return known

    def root(self, code: int) -> int:
        """Return the root of a component, halving the way to it."""
        parent = self.parent
        while parent[code] != code:
            parent[code] = parent[parent[code]]
            code = parent[code]
        return code

    def drop_blocked(self, links: list[tuple[int, Alias]]) -> list[tuple[int, Alias]]:
        """Return the aliases whose ids can tell a person; the ids of all become known."""
        usable = []
        ids = {key for _, alias in links for key in alias[:2]}
        blocked = {key: self.policy.is_blocked(key) for key in ids}
        for position, alias in links:
            self.code(alias.a)
            self.code(alias.b)
            if blocked[alias.a] or blocked[alias.b]:
                self.blocked.append(position)
            else:
                usable.append((position, alias))
        return usable

    def join(self, position: int, alias: Alias) -> None:
        """Join the components of an alias where the policy allows."""
        a, b = self.root(self.codes[alias.a]), self.root(self.codes[alias.b])
        if a == b:
            return
        if self.customer[a] >= 0 and self.customer[b] >= 0:
            self.refused.append(position)
            return
        merged = self.merged(a, b, alias.ts_us)
        if self.beyond_limit(merged):
            self.limited.append(position)
            self.flagged.add(alias.a if self.customer[a] < 0 and (self.customer[b] >= 0 or self.size[a] <= self.size[b])
                             else alias.b)  # fmt: skip
            return
        if self.size[a] < self.size[b]:
            a, b = b, a
        self.parent[b] = a
        self.size[a] += self.size[b]
        self.customer[a] = max(self.customer[a], self.customer[b])
        self.joined.pop(b, None)
        self.joined[a] = merged

    def merged(self, a: int, b: int, ts_us: int) -> dict[str, list[int]]:
        """Return when the ids of two components joined, as if they were one."""
        found: dict[str, list[int]] = {}
        for root in (a, b):
            for kind, times in self.of(root, ts_us).items():
                found[kind] = sorted([*found[kind], *times]) if kind in found else times
        for kind, times in found.items():
            span = self.policy.limits[kind].within_us
            if span is not None and times[0] <= ts_us - span:
                found[kind] = [t for t in times if t > ts_us - span]
        return found

    def of(self, root: int, ts_us: int) -> dict[str, list[int]]:
        """Return when the ids of a component joined; a lone id joins now."""
        if root in self.joined:
            return self.joined[root]
        kind = id_type(self.ids[root])
        return {kind: [ts_us]} if kind in self.policy.limits else {}

    def beyond_limit(self, joined: dict[str, list[int]]) -> bool:
        """Return whether some type has more ids than a customer may have."""
        return any(len(times) > self.policy.limits[kind].count for kind, times in joined.items())

    def freeze(self, shared: set[str], as_of_us: int) -> IdentityMap:
        """Name the components and number them by name."""
        roots = [self.root(code) for code in range(len(self.ids))]
        names: dict[int, str] = {}
        for key, root in zip(self.ids, roots, strict=True):
            if self.customer[root] >= 0:
                names[root] = self.ids[self.customer[root]]
            else:
                names[root] = min(names.get(root, key), key)
        customers = sorted(names.values())
        place = {name: i for i, name in enumerate(customers)}
        return IdentityMap(
            ids=tuple(self.ids),
            customer_of=np.array([place[names[root]] for root in roots], np.int32),
            customers=tuple(customers),
            shared_ids=tuple(sorted(shared)),
            refused_links=tuple(sorted(self.refused)),
            blocked_links=tuple(sorted(self.blocked)),
            limited_links=tuple(sorted(self.limited)),
            flagged_ids=tuple(sorted(self.flagged)),
            as_of_us=as_of_us,
        )
