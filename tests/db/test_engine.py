"""Engines keep what they acknowledge, and name a database that cannot be used."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import text

from abplat.db.engine import check_database, is_safe_for_processes, make_engine, translate, writing
from abplat.errors import InvalidInputError, StorageFullError, UnavailableError


def test_sqlite_syncs_every_commit(tmp_path: Path) -> None:
    """SQLite syncs every commit and keeps a log beside the file."""
    engine = make_engine(f"sqlite:///{tmp_path / 'a.sqlite3'}")
    with engine.connect() as connection:
        found = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("synchronous", "journal_mode")
        }
    engine.dispose()

    assert found == {"synchronous": 2, "journal_mode": "wal"}


def test_a_reader_does_not_wait_for_a_writer(tmp_path: Path) -> None:
    """A reader does not wait for a writer, and sees nothing of what is not committed."""
    engine = make_engine(f"sqlite:///{tmp_path / 'a.sqlite3'}")
    with writing(engine).begin() as connection:
        connection.execute(text("CREATE TABLE t (a)"))
    with writing(engine).begin() as writer:
        writer.execute(text("INSERT INTO t VALUES (1)"))
        with engine.connect() as reader:
            seen = reader.execute(text("SELECT count(*) FROM t")).scalar()
    engine.dispose()

    assert seen == 0


@pytest.mark.parametrize("url", ["mysql://localhost/a", "oracle://localhost/a"])
def test_other_databases_are_refused(url: str) -> None:
    """Other databases are refused."""
    with pytest.raises(InvalidInputError, match="is not a database abplat can use"):
        make_engine(url)


def test_a_file_that_is_no_database_is_named_and_left_alone(tmp_path: Path) -> None:
    """A file that is no database is named and left alone."""
    path = tmp_path / "notes.txt"
    path.write_bytes(b"These are my notes, and they are longer than a header. " * 40)
    before = path.read_bytes()
    engine = make_engine(f"sqlite:///{path}")

    with pytest.raises(UnavailableError, match=r"notes\.txt"):
        check_database(engine)

    engine.dispose()
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("version", "safe"),
    [((3, 40, 1), False), ((3, 44, 6), True), ((3, 50, 6), False), ((3, 51, 2), False), ((3, 51, 3), True)],
)
def test_old_sqlite_is_not_for_several_processes(version: tuple[int, int, int], safe: bool) -> None:  # noqa: FBT001
    """Old SQLite is not for several processes."""
    assert is_safe_for_processes(version) is safe


@pytest.mark.parametrize(
    ("reason", "error"),
    [("database or disk is full", StorageFullError), ("database is locked", UnavailableError)],
)
def test_a_full_disk_is_told_from_a_busy_database(reason: str, error: type[Exception]) -> None:
    """A full disk is told from a busy database."""
    assert type(translate(OSError(reason))) is error
