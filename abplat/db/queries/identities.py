"""Read and keep the joins of ids, and the components worked out from them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import Connection

from abplat.clock import from_micros, to_micros
from abplat.db.driver import fetch, run, run_many
from abplat.domain.components import Join, Member

_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended(?, 0))"
_MEMBERS = "SELECT id, component, joined_at, state FROM identity_members WHERE project = ? AND id IN []"
_TEAM = """
SELECT id, component, joined_at, state FROM identity_members WHERE project = ? AND component IN []
ORDER BY joined_at, id
"""
_ADD_JOIN = """
INSERT INTO identity_joins (project, anonymous, known, joined_at, source, outcome) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT DO NOTHING
"""
_OUTCOME = "SELECT outcome FROM identity_joins WHERE project = ? AND anonymous = ? AND known = ?"
_SET_OUTCOME = """
UPDATE identity_joins SET outcome = ?, source = ? WHERE project = ? AND anonymous = ? AND known = ?
"""
_JOINS_FROM = """
SELECT anonymous, known, joined_at, source, outcome FROM identity_joins WHERE project = ? AND anonymous IN []
"""
_JOINS_TO = """
SELECT anonymous, known, joined_at, source, outcome FROM identity_joins WHERE project = ? AND known IN []
"""
_RENAME = "UPDATE identity_members SET component = ? WHERE project = ? AND component IN []"
_ADD_MEMBER = "INSERT INTO identity_members (project, id, component, joined_at, state) VALUES (?, ?, ?, ?, ?)"
_DELETE_MEMBERS = "DELETE FROM identity_members WHERE project = ? AND id IN []"
_KEYS = "SELECT number, secret FROM identity_keys WHERE project = ? ORDER BY number DESC"
_ADD_KEY = """
INSERT INTO identity_keys (project, number, secret, created_at) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING
"""
_CHUNK = 500


def lock(connection: Connection, project: str) -> None:
    """Let nobody else join ids of the project until the transaction ends; on SQLite a writer is alone anyway."""
    if connection.dialect.name == "postgresql":
        run(connection, _LOCK, [f"abplat-identities:{project}"])


def members(connection: Connection, project: str, ids: Iterable[str]) -> dict[str, Member]:
    """Return those of some ids that were ever joined."""
    found: dict[str, Member] = {}
    for chunk in _chunks(ids):
        found |= {row[0]: _member(*row) for row in fetch(connection, _MEMBERS, [project], chunk)}
    return found


def team(connection: Connection, project: str, components: Sequence[str]) -> list[Member]:
    """Return the members of some components, in the order in which they were joined."""
    return [_member(*row) for row in fetch(connection, _TEAM, [project], components)]


def add_join(connection: Connection, project: str, join: Join, outcome: str) -> bool:
    """Keep a join; say whether it is new."""
    values = (project, join.a, join.b, to_micros(join.at), join.source, outcome)
    return bool(run(connection, _ADD_JOIN, values).rowcount > 0)


def outcome_of(connection: Connection, project: str, join: Join) -> str | None:
    """Return what became of a join; None for one never made."""
    found: str | None = run(connection, _OUTCOME, (project, join.a, join.b)).scalar()
    return found


def set_outcome(connection: Connection, project: str, join: Join, outcome: str) -> None:
    """Write what became of a join, and its source."""
    run(connection, _SET_OUTCOME, (outcome, join.source, project, join.a, join.b))


def joins_of(connection: Connection, project: str, ids: Iterable[str]) -> dict[Join, str]:
    """Return the joins at some ids with their outcomes, oldest first; those taken back too."""
    found: dict[Join, str] = {}
    for chunk in _chunks(ids):
        for sql in (_JOINS_FROM, _JOINS_TO):
            for a, b, at, source, outcome in fetch(connection, sql, [project], chunk):
                found[Join(a, b, from_micros(at), source)] = outcome
    return dict(sorted(found.items(), key=lambda item: (item[0].at, *item[0][:2])))


def unite(
    connection: Connection, project: str, name: str, others: Sequence[str], new: Sequence[Member]
) -> None:
    """Give the members of other components a name, and add members."""
    if others:
        run(connection, _RENAME, (name, project), others)
    run_many(
        connection,
        _ADD_MEMBER,
        ((project, each.id, each.component, to_micros(each.joined_at), each.state) for each in new),
    )


def replace_members(
    connection: Connection, project: str, ids: Iterable[str], settled: Sequence[Member]
) -> None:
    """Write anew who belongs where."""
    for chunk in _chunks(ids):
        run(connection, _DELETE_MEMBERS, [project], chunk)
    unite(connection, project, "", [], settled)


def list_keys(connection: Connection, project: str) -> list[tuple[int, bytes]]:
    """Return the secrets of a project's identity tokens, the youngest first."""
    return [(number, bytes(secret)) for number, secret in run(connection, _KEYS, [project])]


def add_key(connection: Connection, project: str, number: int, secret: bytes, now: datetime) -> None:
    """Keep a secret; the first of a number stays."""
    run(connection, _ADD_KEY, (project, number, secret, to_micros(now)))


def _member(key: str, component: str, joined_us: int, state: str) -> Member:
    """Return a member as the table keeps it."""
    return Member(key, component, from_micros(joined_us), state)


def _chunks(ids: Iterable[str]) -> Iterable[list[str]]:
    """Cut ids into lists that a statement can take."""
    found = sorted(ids)
    return (found[start : start + _CHUNK] for start in range(0, len(found), _CHUNK))
