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
        """Begin a writing transaction."""

    def commit(self, cursor: Any) -> None:
        """Make it durable."""

    def insert_rows(self, cursor: Any, rows: _Rows) -> int:
        """Insert the rows whose ids are new and return how many that were."""

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
        """Take the write lock at once, waiting for it where another process has it."""
        cursor.execute("BEGIN IMMEDIATE")

    def commit(self, cursor: Any) -> None:
        """Sync the log."""
        cursor.execute("COMMIT")

    def insert_rows(self, cursor: Any, rows: _Rows) -> int:
        """Insert; the driver adds up the rows that were changed."""
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
    """PostgreSQL takes whole columns in one statement; the driver begins the transaction."""

    def begin(self, cursor: Any) -> None:
        """Insist on durable commits, whatever the server's default is."""
        cursor.execute("SET LOCAL synchronous_commit = on")

    def commit(self, cursor: Any) -> None:
        """Commit."""
        cursor.connection.commit()

    def insert_rows(self, cursor: Any, rows: _Rows) -> int:
        """Insert in the order of ids, so that two writers of the same ids cannot block each other."""
        columns = [list(column) for column in zip(*sorted(rows), strict=True)]
        cursor.execute(
            "INSERT INTO intake (project, event_id, kind, body, received_us) SELECT * FROM "
            "unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::bigint[]) ON CONFLICT DO NOTHING",
            columns,
        )
        return int(cursor.rowcount)

    def insert_failures(self, cursor: Any, failures: _Rows) -> None:
        """Insert."""
        cursor.executemany(
            'INSERT INTO failed_events (project, received_us, code, message, "index", body)'
            " VALUES (%s, %s, %s, %s, %s, %s)",
            failures,
        )
