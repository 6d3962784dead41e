"""The statements of the intake writer, as quick as each database takes them.

They go past SQLAlchemy to the driver: its way of inserting many rows costs a quarter more here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from abplat.errors import InvalidInputError

_Rows = Sequence[tuple[Any, ...]]


class IntakeSql(Protocol):
    """What the writer asks of a database, on one cursor."""

    def begin(self, cursor: Any) -> None:
        """Prepare the transaction that has just begun."""

    def insert_rows(self, cursor: Any, batches: Sequence[_Rows]) -> list[int]:
        """Insert the rows whose ids are new and return how many those were, batch by batch."""

    def insert_failures(self, cursor: Any, failures: _Rows) -> None:
        """Insert refused events."""


def for_dialect(name: str) -> IntakeSql:
    """Return the statements for a database.

    Raises:
        InvalidInputError: If there are none.
    """
    if name == "sqlite":
        return _Sqlite()
    if name == "postgresql":
        return _Postgres()
    raise InvalidInputError.at("database_url", f"{name!r} cannot hold the intake", "bad_setting")


class _Sqlite:
    """SQLite takes prepared statements, one row after the other."""

    def begin(self, cursor: Any) -> None:
        """Do nothing: the connection has the write lock, and syncs the log at the end."""

    def insert_rows(self, cursor: Any, batches: Sequence[_Rows]) -> list[int]:
        """Insert, one batch after the other."""
        return [self._insert_batch(cursor, rows) if rows else 0 for rows in batches]

    def _insert_batch(self, cursor: Any, rows: _Rows) -> int:
        """Insert a batch; the driver adds up the rows that were changed."""
        cursor.executemany(
            "INSERT INTO intake (project, event_id, kind, body, received_us) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT DO NOTHING",
            rows,
        )
        return int(cursor.rowcount)

    def insert_failures(self, cursor: Any, failures: _Rows) -> None:
        """Insert."""
        cursor.executemany(
            'INSERT INTO failed_events (project, received_us, code, message, "index", body)'
            " VALUES (?, ?, ?, ?, ?, ?)",
            failures,
        )


class _Postgres:
    """PostgreSQL copies into a temporary table and inserts from there."""

    def begin(self, cursor: Any) -> None:
        """Insist on durable commits, whatever the server's default is."""
        cursor.execute("SET LOCAL synchronous_commit = on")

    def insert_rows(self, cursor: Any, batches: Sequence[_Rows]) -> list[int]:
        """Insert all batches at once, in the order of ids, so that two writers cannot block each other."""
        cursor.execute(
            "CREATE TEMPORARY TABLE IF NOT EXISTS intake_arriving"
            " (project text, event_id text, kind text, body text, received_us bigint, place integer)"
            " ON COMMIT DELETE ROWS"
        )
        with cursor.copy("COPY intake_arriving FROM STDIN") as copy:
            for place, row in enumerate(row for rows in batches for row in rows):
                copy.write_row((*row, place))
        cursor.execute(
            "INSERT INTO intake (project, event_id, kind, body, received_us)"
            " SELECT project, event_id, kind, body, received_us FROM intake_arriving"
            " ORDER BY project, event_id, place ON CONFLICT DO NOTHING RETURNING project, event_id"
        )
        return _share(cursor.fetchall(), batches)

    def insert_failures(self, cursor: Any, failures: _Rows) -> None:
        """Insert."""
        cursor.executemany(
            'INSERT INTO failed_events (project, received_us, code, message, "index", body)'
            " VALUES (%s, %s, %s, %s, %s, %s)",
            failures,
        )


def _share(inserted: Sequence[tuple[str, str]], batches: Sequence[_Rows]) -> list[int]:
    """Count the inserted rows to the batches they came from, the first where an id is in several."""
    new = set(inserted)
    counts = []
    for rows in batches:
        mine = new.intersection((row[0], row[1]) for row in rows)
        new -= mine
        counts.append(len(mine))
    return counts
