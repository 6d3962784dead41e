"""Which ids are one customer at the moment of an assignment, worked out from the joins that were told."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from abplat.clock import to_micros
from abplat.domain.identity import AUTHORITATIVE, IdentityPolicy, id_type
from abplat.domain.identity_graph import MERGE, Alias, IdentityGraph, find_shared, same_customers

JOINED: Final = "joined"
REFUSED: Final = "refused"
LIMITED: Final = "limited"
SHARED: Final = "shared"
RETRACTED: Final = "retracted"
ERASED: Final = "erased"
OUTCOMES: Final = (JOINED, REFUSED, LIMITED, SHARED, RETRACTED, ERASED)
"""What can become of a join: made; it would have joined two customers; a type's limit is reached; an
end belongs to several customers; an operator has taken it back; one of the two was erased on request."""

IDENTIFY: Final = "identify"
PLAIN: Final = "plain"
"""State of an id that is neither ``shared`` nor flagged as ``limited``."""


class Join(NamedTuple):
    """A statement that two ids belong to one customer: ``a`` is the less known of them."""

    a: str
    b: str
    at: datetime
    source: str = IDENTIFY

    @property
    def ids(self) -> tuple[str, str]:
        """Both ids."""
        return self.a, self.b


class Member(NamedTuple):
    """An id that was joined with another, and the component it belongs to."""

    id: str
    component: str
    joined_at: datetime
    state: str = PLAIN


class Settled(NamedTuple):
    """Components and the outcome of each join, in the order handed in."""

    members: list[Member]
    outcomes: list[str]


def is_customer(typed_id: str) -> bool:
    """Return whether an id names a customer for certain."""
    return id_type(typed_id) == AUTHORITATIVE


def settle(joins: Sequence[Join], policy: IdentityPolicy, shared: Collection[str] = ()) -> Settled:
    """Take joins in the order of time and return who belongs together.

    Args:
        joins: All joins that touch the ids in question, but those of ids known to be shared.
        policy: Limits per type of id.
        shared: Ids known to belong to several customers.
    """
    aliases = [(place, _alias_of(join)) for place, join in enumerate(joins)]
    aliases.sort(key=lambda item: (item[1].ts_us, item[0]))
    graph = IdentityGraph([key for join in joins for key in join.ids], policy)
    all_shared = find_shared(aliases, same_customers(aliases)) | set(shared)
    outcomes = [JOINED] * len(joins)
    for place, alias in aliases:
        if alias.command == MERGE:
            graph.merge(alias)
        elif alias.a in all_shared or alias.b in all_shared:
            outcomes[place] = SHARED
        else:
            graph.join(place, alias)
    for places, outcome in ((graph.refused, REFUSED), (graph.limited, LIMITED)):
        for place in places:
            outcomes[place] = outcome
    return Settled(_members(graph, [joins[place] for place, _ in aliases], all_shared), outcomes)


def exceeds_limit(members: Sequence[Member], new: Join, policy: IdentityPolicy) -> bool:
    """Return whether one component of these members, joined now, has too many ids of a type."""
    times: dict[str, list[int]] = {}
    now_us = to_micros(new.at)
    for member in members:
        times.setdefault(id_type(member.id), []).append(to_micros(member.joined_at))
    for kind, joined in times.items():
        limit = policy.limits.get(kind)
        if limit is not None:
            span = limit.within_us
            counted = [ts for ts in joined if span is None or ts > now_us - span]
            if len(counted) > limit.count:
                return True
    return False


def _alias_of(join: Join) -> Alias:
    """Return a join as the graph takes it."""
    command = MERGE if join.source == MERGE else None
    return Alias(join.a, join.b, to_micros(join.at), 0, command)


def _members(graph: IdentityGraph, joins: Sequence[Join], shared: Collection[str]) -> list[Member]:
    """Name the component of every id: by its customer, else by the id that was joined first."""
    first: dict[str, datetime] = {}
    for join in joins:
        for key in join.ids:
            first.setdefault(key, join.at)
    names: dict[int, str] = {}
    for key in first:
        root = graph.root(graph.codes[key])
        customer = graph.customer[root]
        names.setdefault(root, graph.ids[customer] if customer >= 0 else key)
    return [
        Member(key, names[graph.root(graph.codes[key])], at, _state(key, shared, graph.flagged))
        for key, at in first.items()
    ]


def _state(key: str, shared: Collection[str], flagged: Collection[str]) -> str:
    """Return what is special about an id."""
    if key in shared:
        return SHARED
    return LIMITED if key in flagged else PLAIN
