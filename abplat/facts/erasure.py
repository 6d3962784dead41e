"""Erases people: every row that names one of their ids, in the lake and in the tables of facts.

Each step can be repeated: an erasure that was killed begins again and ends the same.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any, Final

from sqlalchemy import Connection, Engine, Table, delete, or_, select, update

from abplat.config import Settings
from abplat.db.engine import writing
from abplat.db.models.assignments import Assignment, AssignmentConflict
from abplat.db.models.identities import IdentityJoin, IdentityMember
from abplat.db.models.intake import failed_events, intake
from abplat.db.models.moments import customer_moments, read_model_rows
from abplat.domain.suppression import Suppression
from abplat.errors import ConflictError
from abplat.facts.actors import ActorBook
from abplat.facts.derived import DerivedStore
from abplat.facts.engines.duckdb import connect, create_view
from abplat.facts.lake import Lake

COLUMNS: Final = {
    "touchpoint": ("actor",), "exposure": ("actor", "cluster"), "alias": ("a", "b"), "score": ("actor",),
}  # fmt: skip
"""The columns of the lake that name people."""
_TRIES: Final = 10
_CHUNK: Final = 100
_PIECE: Final = 10_000

_assignments: Any = Assignment.__table__
_conflicts: Any = AssignmentConflict.__table__
_joins: Any = IdentityJoin.__table__
_members: Any = IdentityMember.__table__
_NAMED: Final[dict[str, tuple[Any, tuple[Any, ...]]]] = {
    "moments": (customer_moments, (customer_moments.c.unit,)),
    "assignments": (_assignments, (_assignments.c.unit,)),
    "conflicts": (_conflicts, (_conflicts.c.unit, _conflicts.c.kept_unit)),
    "joins": (_joins, (_joins.c.anonymous, _joins.c.known)),
    "members": (_members, (_members.c.id, _members.c.component)),
}
_ORIGIN: Final = _assignments.c.origin
"""From whom an id has inherited: what another has stays, without saying from whom."""
_BODIES: Final = {"intake": intake, "read_model_rows": read_model_rows, "failed_events": failed_events}


def list_named() -> dict[str, tuple[Any, tuple[Any, ...]]]:
    """Return the tables whose columns name people, and those columns."""
    return dict(_NAMED)


def erase_facts(engine: Engine, lake: Lake, project: str, ids: Collection[str]) -> dict[str, int]:
    """Erase ids everywhere; return how many rows are gone, by place.

    The drain must have run before, and the ids must be suppressed: else what waits would follow.
    """
    found = erase_tables(engine, project, ids)
    derived = DerivedStore(lake.path(project, "touchpoint").parent)
    derived.drop()
    for kind, columns in COLUMNS.items():
        found[lake.path(project, kind).name] = _erase_lake(lake, project, kind, (ids, columns))
    found["actors"] = ActorBook(lake.path(project, "touchpoint").parent).erase(ids)
    derived.drop()  # once more: a refresh that began before may have ended meanwhile
    return found


def erase_tables(engine: Engine, project: str, ids: Collection[str]) -> dict[str, int]:
    """Erase ids from the database, in one transaction."""
    with writing(engine).begin() as connection:
        named = {
            name: _erase_named(connection, table, columns, project, ids)
            for name, (table, columns) in _NAMED.items()
        }
        _forget_origin(connection, project, ids)
        return named | {
            name: _erase_bodies(connection, table, project, ids) for name, table in _BODIES.items()
        }


def scrub(engine: Engine) -> None:
    """Write a SQLite file anew: what was deleted from it stays readable in its free pages and its log."""
    if engine.dialect.name != "sqlite":
        return
    connection = engine.raw_connection()  # a transaction of ours would forbid it
    try:
        for statement in ("VACUUM", "PRAGMA wal_checkpoint(TRUNCATE)"):
            connection.cursor().execute(statement).fetchall()
    finally:
        connection.close()


def _erase_lake(lake: Lake, project: str, kind: str, what: tuple[Collection[str], Sequence[str]]) -> int:
    """Erase ids from one table of the lake; a drain that writes meanwhile is let pass."""
    for _ in range(_TRIES):
        table = lake.find(project, kind)
        if table is None:
            return 0
        try:
            return table.erase(sorted(what[0]), [column for column in what[1] if table.has_column(column)])
        except ConflictError:
            continue
    raise ConflictError(f"{kind}s of {project} kept changing while people were erased; try again")


def _erase_named(
    connection: Connection, table: Table, columns: Sequence[Any], project: str, ids: Collection[str]
) -> int:
    """Delete the rows of a table whose columns name an id."""
    return sum(
        connection.execute(
            delete(table).where(table.c.project == project, or_(*(column.in_(part) for column in columns)))
        ).rowcount
        for part in _parts(ids)
    )


def _forget_origin(connection: Connection, project: str, ids: Collection[str]) -> None:
    """Let others keep what they have inherited, but not from whom."""
    for part in _parts(ids):
        mine = (_assignments.c.project == project, _ORIGIN.in_(part))
        connection.execute(update(_assignments).where(*mine).values(origin=None))


def _erase_bodies(connection: Connection, table: Table, project: str, ids: Collection[str]) -> int:
    """Delete the rows of a table whose JSON text names an id, however the sender escaped it."""
    return sum(
        connection.execute(
            delete(table).where(
                table.c.project == project,
                or_(*(table.c.body.contains(each, autoescape=True) for each in _spellings(part))),
            )
        ).rowcount
        for part in _parts(ids)
    )


def _spellings(ids: Iterable[str]) -> set[str]:
    """Return ids as JSON texts may hold them."""
    return {json.dumps(each, ensure_ascii=plain) for each in ids for plain in (False, True)}


def find_suppressed(
    engine: Engine, lake: Lake, settings: Settings, project: str, suppression: Suppression
) -> set[str]:
    """Return the suppressed ids that are there again, such as after a restored backup."""
    found = {
        each
        for kind in COLUMNS
        for each in _list_ids(lake, settings, project, kind)
        if suppression.holds(each)
    }
    with engine.connect() as connection:
        for table, columns in (*_NAMED.values(), (_assignments, (_ORIGIN,))):
            for column in columns:
                query = select(column).where(table.c.project == project, column.is_not(None)).distinct()
                found |= set(filter(suppression.holds, connection.execute(query).scalars()))
    return found


def _list_ids(lake: Lake, settings: Settings, project: str, kind: str) -> Iterator[str]:
    """Return the ids that a table of the lake names, a piece at a time."""
    connection = connect(settings, threads=1)
    try:
        view = create_view(connection, lake, project, kind)
        for column in COLUMNS[kind]:
            query = f"SELECT DISTINCT {column} FROM {view} WHERE {column} IS NOT NULL"  # noqa: S608  our own names
            cursor = connection.execute(query)
            while rows := cursor.fetchmany(_PIECE):
                yield from (row[0] for row in rows)
    finally:
        connection.close()


def _parts(ids: Collection[str]) -> Iterator[list[str]]:
    """Cut ids into lists that a statement can take."""
    listed = sorted(ids)
    return (listed[start : start + _CHUNK] for start in range(0, len(listed), _CHUNK))
