"""Engines for SQLite and PostgreSQL that keep what they acknowledge.

SQLite runs in WAL mode with ``synchronous=FULL``: a commit is on disk when it returns. Reading
transactions start with ``BEGIN``; whoever will write asks for :func:`writing`, whose transactions
start with ``BEGIN IMMEDIATE``, because SQLite refuses at once, without waiting, a reader that turns
writer after somebody else has written.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import DatabaseError, OperationalError
from sqlalchemy.pool import NullPool

from abplat.errors import InvalidInputError, StorageFullError, UnavailableError

BUSY_SECONDS = 60
_WRITE = "abplat_write"
# A checkpoint that meets a commit may lose it before these releases (sqlite.org/wal.html#walresetbug).
_WAL_RESET_FIXED = (3, 51, 3)
_WAL_RESET_BACKPORTS = {(3, 44): 6, (3, 50): 7}
_PRAGMAS = (
    f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000}",
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    "PRAGMA journal_size_limit = 67108864",
    "PRAGMA temp_store = MEMORY",
)


def make_engine(url: str, *, pooled: bool = True) -> Engine:
    """Make the engine of a database.

    Args:
        url: SQLAlchemy URL of a SQLite file or a PostgreSQL database.
        pooled: Whether connections are kept for the next user.

    Raises:
        InvalidInputError: ``bad_setting`` where the URL names neither of the two.
    """
    name = make_url(url).get_backend_name()
    pool: dict[str, Any] = {} if pooled else {"poolclass": NullPool}
    if name == "sqlite":
        return _make_sqlite_engine(url, pool)
    if name == "postgresql":
        return create_engine(url, pool_pre_ping=True, **pool)
    message = f"{name!r} is not a database abplat can use; use sqlite:///FILE or postgresql://HOST/NAME"
    raise InvalidInputError.at("database_url", message, "bad_setting")


def writing(engine: Engine) -> Engine:
    """Return the same engine for transactions that will write.

    Examples:
        ``with writing(engine).begin() as connection: ...`` or ``sessionmaker(writing(engine))``.
    """
    return engine.execution_options(**{_WRITE: True})


def sqlite_module() -> Any:
    """Return the newest SQLite at hand: the one packed with pysqlite3, else Python's own."""
    try:
        from pysqlite3 import dbapi2  # noqa: PLC0415  # it is not to be had on every platform
    except ImportError:
        return sqlite3
    return dbapi2


def _make_sqlite_engine(url: str, pool: dict[str, Any]) -> Engine:
    """Make an engine whose transactions we begin ourselves."""
    engine = create_engine(
        url,
        module=sqlite_module(),
        connect_args={"check_same_thread": False, "timeout": BUSY_SECONDS},
        **pool,
    )
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def _prepare(connection: Any, _record: object) -> None:
    """Set up a new connection: durable commits, patience, and no transactions behind our back."""
    connection.isolation_level = None
    for pragma in _PRAGMAS:
        connection.execute(pragma).close()


def _begin(connection: Connection) -> None:
    """Begin a transaction, at once as a writer where that was asked for."""
    options = connection.get_execution_options()
    connection.exec_driver_sql("BEGIN IMMEDIATE" if options.get(_WRITE) else "BEGIN")


def is_safe_for_processes(version: tuple[int, int, int]) -> bool:
    """Tell whether several processes may write with this SQLite.

    Examples:
        >>> is_safe_for_processes((3, 40, 1)), is_safe_for_processes((3, 50, 7))
        (False, True)
    """
    patch = _WAL_RESET_BACKPORTS.get(version[:2])
    return version >= _WAL_RESET_FIXED or (patch is not None and version[2] >= patch)


def require_safe_sqlite(engine: Engine) -> None:
    """Refuse to be the second process that writes where SQLite could lose a commit by it.

    Raises:
        UnavailableError: If the library is older than the repair.
    """
    if engine.dialect.name != "sqlite":
        return
    version = engine.dialect.dbapi.sqlite_version_info  # type: ignore[union-attr]
    if not is_safe_for_processes(version):
        shown = ".".join(map(str, version))
        raise UnavailableError(
            f"SQLite {shown} can lose a commit when two processes write (repaired in 3.51.3); "
            "install pysqlite3 0.6.1 or later, or use PostgreSQL"
        )


def check_database(engine: Engine) -> None:
    """Open the database once, so that a bad file is named at the start and left untouched.

    Raises:
        UnavailableError: If the database cannot be opened, read or written.
    """
    try:
        with writing(engine).begin() as connection:
            connection.execute(text("SELECT 1"))
    except DatabaseError as error:
        place = engine.url.database if engine.dialect.name == "sqlite" else engine.url.render_as_string()
        raise UnavailableError(f"the database {place} cannot be used: {error.orig}") from error


@contextmanager
def translated() -> Iterator[None]:
    """Turn what a full disk or a busy database raises into errors of ours."""
    try:
        yield
    except OperationalError as error:
        raise translate(error.orig or error) from error


def translate(error: BaseException) -> StorageFullError | UnavailableError:
    """Return our error for one of the database driver."""
    reason = str(error)
    if "disk is full" in reason or "No space left" in reason:
        return StorageFullError("the disk is full; make room and send again: nothing of this was kept")
    return UnavailableError(f"the database cannot be written now: {reason}")
