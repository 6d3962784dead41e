"""The identity map: from recorded ids to customers, as of one instant.

A union-find under constraints, in the order of time: a component holds at most one ``cust:`` id, an
id linked to two or more customers is shared and never joined, blocked values join nothing, and
limits per type stop runaway merging. An operator's merge joins whatever these rules say, and a split takes a
join back; the last command holds. Nothing is dropped in silence: every alias that did not join
is reported with why.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from abplat.domain.identity import IdentityPolicy
from abplat.domain.identity_graph import MERGE, Alias, IdentityGraph, find_shared, obey, same_customers

__all__ = ["Alias", "IdentityMap", "resolve"]


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
    usable = obey(graph.drop_blocked([(position, alias) for _, position, alias in existing]))
    shared = find_shared(usable, same_customers(usable))
    for position, alias in usable:
        if alias.command == MERGE:
            graph.merge(alias)
        elif alias.a not in shared and alias.b not in shared:
            graph.join(position, alias)
    return graph.freeze(shared, as_of_us)


class _Graph(IdentityGraph):
    """The graph of an analysis, whose customers are numbered."""

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
