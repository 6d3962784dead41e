"""Statements on the hot path, handed to the driver as they stand.

SQLAlchemy's own statements cost up to a millisecond each to build and to look up; a log-in needs seven.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Dialect, Engine
from sqlalchemy.exc import DBAPIError


def run(connection: Connection, sql: str, values: Sequence[Any], listed: Sequence[Any] = ()) -> Any:
    """Run one statement and return its result.

    Args:
        connection: Inside the transaction that it belongs to.
        sql: With ``?`` for each value, and ``[]`` once where a list stands.
        values: Values before the list.
        listed: The values of the list; not empty where the statement has one.
    """
    text = _spell(sql, len(listed), connection.dialect.name)
    return connection.exec_driver_sql(text, (*values, *listed))


def fetch(
    connection: Connection, sql: str, values: Sequence[Any], listed: Sequence[Any] = ()
) -> list[tuple[Any, ...]]:
    """Return the rows of a statement that reads, in a third of the time that ``run`` takes.

    Every decision of the service asks so. Arguments are those of :func:`run`.

    Raises:
        DBAPIError: As SQLAlchemy itself would.
    """
    if not connection.in_transaction():
        connection.begin()
    return _fetch(
        connection.dialect,
        connection.connection,
        _spell(sql, len(listed), connection.dialect.name),
        (*values, *listed),
    )


def fetch_alone(engine: Engine, sql: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
    """Return the rows of one statement that reads, and needs no other one of the same transaction.

    On SQLite each call of the driver hands the interpreter to another thread: this makes two of them, a
    transaction around two statements eight.

    Raises:
        DBAPIError: As SQLAlchemy itself would.
    """
    connection = engine.raw_connection()
    try:
        return _fetch(engine.dialect, connection, _spell(sql, 0, engine.dialect.name), values)
    finally:
        connection.close()


def _fetch(dialect: Dialect, connection: Any, text: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
    """Ask the driver."""
    cursor = connection.cursor()
    try:
        cursor.execute(text, values)
        return list(cursor.fetchall())
    except dialect.loaded_dbapi.Error as error:
        raise DBAPIError.instance(text, None, error, dialect.loaded_dbapi.Error, dialect=dialect) from error
    finally:
        cursor.close()


def run_many(connection: Connection, sql: str, rows: Iterable[tuple[Any, ...]]) -> None:
    """Run one statement for each row; nothing for none."""
    found = list(rows)
    if found:
        connection.exec_driver_sql(_spell(sql, 0, connection.dialect.name), found)


@lru_cache(maxsize=2_000)
def _spell(sql: str, count: int, dialect: str) -> str:
    """Write a statement as the driver reads it."""
    text = sql.replace("[]", f"({', '.join('?' * count)})") if count else sql
    return text.replace("?", "%s") if dialect == "postgresql" else text
