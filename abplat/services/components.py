"""Who stands behind an id: components of joined ids, kept up to date join by join.

Most joins meet an id for the first time and cost a look and a row. Whatever could be refused, or splits an
id off again, is worked out anew from all joins in reach, in the order of time.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Final, NamedTuple

from sqlalchemy import Connection

from abplat.db.queries import identities as queries
from abplat.domain.components import (
    JOINED,
    LIMITED,
    PLAIN,
    RETRACTED,
    SHARED,
    Join,
    Member,
    exceeds_limit,
    is_customer,
    settle,
)
from abplat.domain.identity import IdentityPolicy
from abplat.domain.identity_graph import MERGE

POLICY: Final = IdentityPolicy()
MAX_JOINS: Final = 20_000
"""Joins that one change may look at; a join that would need more is refused as beyond a limit."""


class Standing(NamedTuple):
    """Who was presented.

    Attributes:
        unit: What is hashed: the customer where one is known, else the first id presented.
        ids: All ids of the component, the presented ones among them.
        shared: Every id presented belongs to several customers.
    """

    unit: str
    ids: tuple[str, ...]
    shared: bool


def look_up(connection: Connection, project: str, presented: Sequence[str]) -> Standing:
    """Resolve ids to one customer; where they name several, the first one counts."""
    found = queries.members(connection, project, presented)
    usable = [key for key in presented if key not in found or found[key].state != SHARED]
    if not usable:
        return Standing(presented[0], tuple(presented), shared=True)
    groups = {key: found[key].component if key in found else key for key in usable}
    customer = _customer_of(groups.values())
    names = [name for name in dict.fromkeys(groups.values()) if name == customer or not is_customer(name)]
    joined = [name for name in names if any(key in found and groups[key] == name for key in usable)]
    team = [member.id for member in queries.team(connection, project, joined)] if joined else []
    lone = [key for key in usable if key not in found and key in names]
    return Standing(customer or usable[0], tuple(dict.fromkeys([*team, *lone])), shared=False)


def _customer_of(ids: Iterable[str]) -> str | None:
    """Return the first id that names a customer."""
    return next((key for key in ids if is_customer(key)), None)


def join(connection: Connection, project: str, said: Join) -> str:
    """Join two ids where the policy allows, and return the outcome.

    Needs the write transaction of its caller, and :func:`lock` before it.
    """
    found = queries.members(connection, project, (said.a, said.b))
    if not queries.add_join(connection, project, said, JOINED):
        outcome = queries.outcome_of(connection, project, said)
        return outcome or JOINED
    a, b = found.get(said.a), found.get(said.b)
    if SHARED in {member.state for member in (a, b) if member}:
        queries.set_outcome(connection, project, said, SHARED)
        return SHARED
    if a and b and a.component == b.component and {a.state, b.state} == {PLAIN}:
        return JOINED
    if _is_plain(said, a, b) and _unite(connection, project, said, (a, b)):
        return JOINED
    if not work_out(connection, project, (said.a, said.b)):
        queries.set_outcome(connection, project, said, LIMITED)
    return queries.outcome_of(connection, project, said) or JOINED


def _is_plain(said: Join, a: Member | None, b: Member | None) -> bool:
    """Say whether nothing but a limit can stand against a join."""
    customers = [
        is_customer(member.component if member else key) for key, member in zip(said.ids, (a, b), strict=True)
    ]
    states = {member.state for member in (a, b) if member}
    return states <= {PLAIN} and not all(customers)


def _unite(
    connection: Connection, project: str, said: Join, ends: tuple[Member | None, Member | None]
) -> bool:
    """Make one component of two, unless it grew beyond a limit."""
    names = [end.component if end else key for key, end in zip(said.ids, ends, strict=True)]
    new = [key for key, end in zip(said.ids, ends, strict=True) if end is None]
    old = queries.team(connection, project, names) if len(new) < 2 else []
    name = _customer_of(names) or (old[0].component if old else said.a)
    added = [Member(key, name, said.at) for key in new]
    if exceeds_limit([*old, *added], said, POLICY):
        return False
    others = [each for each in names if each != name] if len(new) < 2 else []
    queries.unite(connection, project, name, others, added)
    return True


def work_out(connection: Connection, project: str, ids: Collection[str]) -> bool:
    """Work out anew who belongs together, from all joins in reach of some ids; False for too many."""
    joins, boundary = _reach(connection, project, ids)
    if len(joins) >= MAX_JOINS:
        return False
    live = [join for join, outcome in joins.items() if outcome != RETRACTED]
    settled = settle(live, POLICY, boundary)
    touched = {key for join in joins for key in join.ids} - boundary
    members = [member for member in settled.members if member.id in touched]
    queries.replace_members(connection, project, touched, members)
    for each, outcome in zip(live, settled.outcomes, strict=True):
        if outcome != joins[each]:
            queries.set_outcome(connection, project, each, outcome)
    return True


def _reach(connection: Connection, project: str, ids: Collection[str]) -> tuple[dict[Join, str], set[str]]:
    """Return all joins in reach with their outcomes, and the shared ids at which the search ended."""
    joins: dict[Join, str] = {}
    boundary: set[str] = set()
    seen, frontier = set(ids), set(ids)
    while frontier and len(joins) < MAX_JOINS:
        joins |= queries.joins_of(connection, project, frontier)
        fresh = {key for join in joins for key in join.ids} - seen
        states = queries.members(connection, project, fresh)
        boundary |= {key for key in fresh if key in states and states[key].state == SHARED}
        seen |= fresh
        frontier = fresh - boundary
    return joins, boundary


def merge(connection: Connection, project: str, said: Join) -> bool:
    """Join two ids whatever the policy says; say whether that changed anything."""
    said = said._replace(source=MERGE)
    before = look_up(connection, project, (said.a,))
    if not queries.add_join(connection, project, said, JOINED):
        queries.set_outcome(connection, project, said, JOINED)
    work_out(connection, project, said.ids)
    released = _released(connection, project, said)
    if released:
        work_out(connection, project, {*said.ids, *released})
    return said.b not in before.ids


def _released(connection: Connection, project: str, said: Join) -> set[str]:
    """Return the shared ids at a merged component whose customers are all one now."""
    whole = set(look_up(connection, project, (said.b,)).ids)
    _, boundary = _reach(connection, project, whole)
    return {
        key
        for key in boundary
        if {
            end
            for join in queries.joins_of(connection, project, [key])
            for end in join.ids
            if is_customer(end)
        }
        <= whole
    }


def split(connection: Connection, project: str, said: Join) -> bool:
    """Take a join back, whichever way round it was said; say whether there was one."""
    found = False
    for each in (said, said._replace(a=said.b, b=said.a)):
        outcome = queries.outcome_of(connection, project, each)
        if outcome not in {None, RETRACTED}:
            queries.set_outcome(connection, project, each, RETRACTED)
            found = True
    if found:
        work_out(connection, project, (said.a, said.b))
    return found
