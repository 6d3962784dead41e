"""Joining ids into customers: a union-find under constraints, link by link in the order of time.

The analysis and the ledger of assignments both join by this one class, so that they agree on who is who.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from abplat.domain.identity import AUTHORITATIVE, IdentityPolicy, id_type

MERGE: Final = "merge"
SPLIT: Final = "split"
COMMANDS: Final = (MERGE, SPLIT)
"""What an operator can command about two ids: that they are one customer, and that they are not."""


class Alias(NamedTuple):
    """A statement that two ids belong to one customer, or what an operator commands about them."""

    a: str
    b: str
    ts_us: int
    received_us: int
    command: str | None = None


def obey(links: Sequence[tuple[int, Alias]]) -> list[tuple[int, Alias]]:
    """Return the links that are left after an operator's commands; of two ids the last command holds.

    A merge stands in for whatever else was said of the two ids; a split takes all of it back, whoever says it
    again.

    Args:
        links: In the order of time.
    """
    last = {frozenset(alias[:2]): place for place, alias in links if alias.command is not None}
    return [
        (place, alias)
        for place, alias in links
        if (holding := last.get(frozenset(alias[:2]))) is None
        or (place == holding and alias.command == MERGE)
    ]


def same_customers(links: Iterable[tuple[int, Alias]]) -> dict[str, str]:
    """Return one name for all customers that an operator has merged: the one that stays."""
    name: dict[str, str] = {}
    for _, alias in links:
        if alias.command == MERGE and {id_type(alias.a), id_type(alias.b)} == {AUTHORITATIVE}:
            old, new = name.get(alias.a, alias.a), name.get(alias.b, alias.b)
            name |= {key: new for key, value in name.items() if value == old} | {old: new, alias.a: new}
    return name


def find_shared(links: Iterable[tuple[int, Alias]], same: Mapping[str, str] | None = None) -> set[str]:
    """Return the ids linked directly to two or more customers; ``same`` names customers that were merged."""
    merged = same or {}
    customer: dict[str, str] = {}
    shared: set[str] = set()
    for _, alias in links:
        for one, other in ((alias.a, alias.b), (alias.b, alias.a)):
            joins_customer = id_type(other) == AUTHORITATIVE and id_type(one) != AUTHORITATIVE
            person = merged.get(other, other)
            if joins_customer and customer.setdefault(one, person) != person:
                shared.add(one)
    return shared


class IdentityGraph:
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
        self.unite(a, b, merged)

    def merge(self, alias: Alias) -> None:
        """Join the components of an alias as an operator commands: the customer of the second one stays."""
        a, b = self.root(self.codes[alias.a]), self.root(self.codes[alias.b])
        if a != b:
            survivor = self.customer[b] if self.customer[b] >= 0 else self.customer[a]
            self.unite(a, b, self.merged(a, b, alias.ts_us))
            self.customer[self.root(a)] = survivor

    def unite(self, a: int, b: int, merged: dict[str, list[int]]) -> None:
        """Make one component of two roots."""
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
            if span is not None and times and times[0] <= ts_us - span:
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
