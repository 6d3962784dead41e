"""The intake tells of rows only when they are durable."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, select, text

from abplat.clock import system_clock
from abplat.db.engine import make_engine, writing
from abplat.db.models.intake import failed_events, intake
from abplat.errors import StorageFullError, UnavailableError
from abplat.facts.intake import Intake, Receipt
from abplat.facts.rows import Failure, TouchpointRow


def make_row(event_id: str, name: str = "visit") -> TouchpointRow:
    """Make a row."""
    return TouchpointRow(event_id, "cust:1", name, 1)


@pytest.fixture
def inbox(engine: Engine) -> Iterator[Intake]:
    """Return an intake that is closed after the test."""
    inbox = Intake(engine, system_clock)
    yield inbox
    inbox.close()


def stored_ids(engine: Engine) -> list[str]:
    """Return the ids in the intake."""
    with engine.connect() as connection:
        return list(connection.execute(select(intake.c.event_id).order_by(intake.c.event_id)).scalars())


def test_submit_counts_what_is_new(inbox: Intake, engine: Engine) -> None:
    """Submit counts what is new."""
    assert inbox.submit("shop", [make_row("a"), make_row("b")]) == Receipt(2, 0)
    assert inbox.submit("shop", [make_row("b"), make_row("c"), make_row("c")]) == Receipt(1, 2)
    assert stored_ids(engine) == ["a", "b", "c"]


def test_submit_keeps_the_first_body_of_an_id(inbox: Intake, engine: Engine) -> None:
    """Submit keeps the first body of an id."""
    inbox.submit("shop", [make_row("a", "first")])
    inbox.submit("shop", [make_row("a", "second")])

    with engine.connect() as connection:
        assert "first" in connection.execute(select(intake.c.body)).scalar_one()


def test_submit_keeps_projects_apart(inbox: Intake) -> None:
    """Submit keeps projects apart."""
    inbox.submit("shop", [make_row("a")])

    assert inbox.submit("bank", [make_row("a")]) == Receipt(1, 0)


def test_submit_keeps_refused_events(inbox: Intake, engine: Engine) -> None:
    """Submit keeps refused events."""
    receipt = inbox.submit("shop", [], [Failure(3, "bad_type", "no", "{}")])

    assert receipt == Receipt(0, 0)
    with engine.connect() as connection:
        row = connection.execute(select(failed_events)).one()
    assert (row.project, row.index, row.code, row.body) == ("shop", 3, "bad_type", "{}")


def test_submit_serves_many_threads(inbox: Intake, engine: Engine) -> None:
    """Submit serves many threads."""

    def send(sender: int) -> None:
        for number in range(20):
            inbox.submit("shop", [make_row(f"{sender}-{number}"), make_row("same")])

    threads = [threading.Thread(target=send, args=(sender,)) for sender in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(stored_ids(engine)) == 161


def test_a_row_the_database_refuses_stops_nobody_else(engine: Engine) -> None:
    """A row the database refuses stops nobody else."""
    with writing(engine).begin() as connection:
        connection.execute(
            text(
                "CREATE TRIGGER no BEFORE INSERT ON intake WHEN NEW.event_id = 'bad'"
                " BEGIN SELECT RAISE(ABORT, 'no'); END"
            )
        )
    inbox = Intake(engine, system_clock)
    answers: dict[str, object] = {}

    def send(event_id: str) -> None:
        try:
            answers[event_id] = inbox.submit("shop", [make_row(event_id)])
        except UnavailableError as error:
            answers[event_id] = error

    threads = [threading.Thread(target=send, args=(event_id,)) for event_id in ("a", "bad", "b", "c")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    inbox.close()

    assert stored_ids(engine) == ["a", "b", "c"]
    assert isinstance(answers["bad"], UnavailableError)


def test_submit_refuses_more_than_may_wait(engine: Engine) -> None:
    """Submit refuses more than may wait."""
    inbox = Intake(engine, system_clock, max_waiting=1)
    holder = writing(engine).connect()
    transaction = holder.begin()  # holds the write lock, so the first two fill writer and queue
    threads = [
        threading.Thread(target=inbox.submit, args=("shop", [make_row(name)]), daemon=True) for name in "ab"
    ]
    for thread in threads:
        thread.start()
        thread.join(0.3)

    with pytest.raises(UnavailableError, match="wait to be written"):
        inbox.submit("shop", [make_row("c")])

    transaction.rollback()
    holder.close()
    for thread in threads:
        thread.join()
    inbox.close()
    assert stored_ids(engine) == ["a", "b"]


def test_a_closed_intake_takes_nothing(inbox: Intake) -> None:
    """A closed intake takes nothing."""
    inbox.submit("shop", [make_row("a")])
    inbox.close()

    with pytest.raises(UnavailableError, match="closed"):
        inbox.submit("shop", [make_row("b")])


def test_a_nearly_full_disk_takes_nothing(engine: Engine) -> None:
    """A nearly full disk takes nothing."""
    inbox = Intake(engine, system_clock, min_free_bytes=2**62)

    with pytest.raises(StorageFullError, match="left on the disk"):
        inbox.submit("shop", [make_row("a")])


def test_a_full_database_loses_nothing_and_resumes(engine: Engine) -> None:
    """A full database loses nothing and resumes."""
    with engine.connect() as connection:
        pages = connection.execute(text("PRAGMA page_count")).scalar_one()
    limited = make_engine(str(engine.url))
    inbox = Intake(limited, system_clock)
    connection = limited.raw_connection()
    connection.cursor().execute(f"PRAGMA max_page_count = {pages + 20}")
    connection.close()  # the writer takes this very connection from the pool
    acked: list[str] = []

    def fill() -> None:
        for number in range(1000):
            rows = [make_row(f"{number:04d}-{each}") for each in range(50)]
            inbox.submit("shop", rows)
            acked.extend(row.event_id for row in rows)

    with pytest.raises(StorageFullError):
        fill()

    assert stored_ids(engine) == sorted(acked)
    assert acked
    assert inbox.submit("shop", [make_row("later")]) == Receipt(1, 0)  # on a fresh connection: room again
    inbox.close()
    limited.dispose()


def test_a_missing_table_is_an_error_and_not_a_hang(tmp_path: Path) -> None:
    """A missing table is an error and not a hang."""
    engine = make_engine(f"sqlite:///{tmp_path / 'empty.sqlite3'}")
    inbox = Intake(engine, system_clock)

    with pytest.raises(UnavailableError, match="no such table"):
        inbox.submit("shop", [make_row("a")])

    inbox.close()
    engine.dispose()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this platform")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded")
def test_the_intake_works_after_a_fork(inbox: Intake, engine: Engine) -> None:
    """The intake works after a fork."""
    inbox.submit("shop", [make_row("parent")])
    pid = os.fork()
    if pid == 0:
        engine.dispose(close=False)
        inbox.submit("shop", [make_row("child")])
        os._exit(0)

    assert os.waitpid(pid, 0)[1] == 0
    assert stored_ids(engine) == ["child", "parent"]
