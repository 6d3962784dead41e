"""What is known of one person, word for word: the rows that name one of their ids, from the lake and the tables."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import Engine, or_, select

from abplat.config import Settings
from abplat.errors import TooLargeError
from abplat.facts.engines.duckdb import connect, create_view
from abplat.facts.erasure import COLUMNS, list_named
from abplat.facts.lake import Lake

MAX_ROWS: Final = 500_000
"""Facts of one person; more is a machine that shares an id, not somebody who wants a copy."""
_HIDDEN: Final = frozenset({"project", "batch", "day", "id"})


def disclose(
    engine: Engine, lake: Lake, settings: Settings, project: str, ids: Collection[str]
) -> dict[str, list[dict[str, Any]]]:
    """Return every row that names one of some ids, by place, in the order of time.

    Raises:
        TooLargeError: If there are more facts than one person can have left.
    """
    found = {
        lake.path(project, kind).name: _read_lake(lake, settings, project, (kind, ids)) for kind in COLUMNS
    }
    with engine.connect() as connection:
        for name, (table, columns) in list_named().items():
            query = select(table).where(table.c.project == project, or_(*(each.in_(ids) for each in columns)))
            rows = connection.execute(query).mappings().all()
            found[name] = [_shown(dict(row)) for row in rows]
    return found


def _read_lake(
    lake: Lake, settings: Settings, project: str, what: tuple[str, Collection[str]]
) -> list[dict[str, Any]]:
    """Read the facts of one kind, each event once."""
    kind, ids = what
    connection = connect(settings, threads=1)
    try:
        view = create_view(connection, lake, project, kind)
        wanted = " OR ".join(f"{column} IN (SELECT unnest(?::VARCHAR[]))" for column in COLUMNS[kind])
        query = f"SELECT * FROM {view} WHERE {wanted} ORDER BY ts_us, event_id LIMIT {MAX_ROWS + 1}"  # noqa: S608  our names
        cursor = connection.execute(query, [sorted(ids)] * len(COLUMNS[kind]))
        names: Sequence[str] = [each[0] for each in cursor.description or ()]
        rows = cursor.fetchall()
    finally:
        connection.close()
    if len(rows) > MAX_ROWS:
        raise TooLargeError(f"more than {MAX_ROWS:,} {kind}s name these ids; read them from the lake itself")
    return [_shown(dict(zip(names, row, strict=True))) for row in rows]


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row without what is ours alone, and with its properties as an object."""
    shown = {name: value for name, value in row.items() if name not in _HIDDEN and value is not None}
    for name in ("props", "document"):
        if isinstance(shown.get(name), str):
            shown[name] = msgspec.json.decode(shown[name])
    return shown
