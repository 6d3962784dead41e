"""Statements on the hot path, handed to the driver as they stand.

SQLAlchemy's own statements cost up to a millisecond each to build and to look up; a log-in needs seven.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection


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
