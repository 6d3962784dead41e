"""Every row reaches the lake exactly once, whoever dies when."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections import Counter

import duckdb
import pytest
from sqlalchemy import Engine, func, insert, select, text

from abplat.clock import system_clock
from abplat.db.engine import writing
from abplat.db.models.intake import drain_state, failed_events, intake
from abplat.db.models.sightings import Sighting
from abplat.db.queries.sightings import MAX_SIGHTINGS, note
from abplat.facts.drain import APP, Drain
from abplat.facts.durability import log_entry
from abplat.facts.intake import Intake
from abplat.facts.lake import Lake
from abplat.facts.rows import AliasRow, Row, TouchpointRow

# Dies without a word at a step of the drain, as kill -9 would make it.
DYING_DRAIN = """
import os, sys
from abplat.db.engine import make_engine
from abplat.facts.drain import Drain
from abplat.facts.lake import Lake

def die(step):
    if step == sys.argv[3]:
        os._exit(9)

Drain(make_engine(sys.argv[1]), Lake(sys.argv[2]), batch_rows=10, at_step=die).run()
"""


def fill(engine: Engine, *ids: str, project: str = "shop") -> None:
    """Put touchpoints into the intake."""
    rows: list[Row] = [TouchpointRow(event_id, "cust:1", "visit", 5) for event_id in ids]
    inbox = Intake(engine, system_clock)
    inbox.submit(project, rows)
    inbox.close()


def waiting(engine: Engine) -> int:
    """Return how many rows are in the intake."""
    with engine.connect() as connection:
        return connection.execute(select(func.count()).select_from(intake)).scalar_one()


def in_lake(lake: Lake, kind: str = "touchpoint", project: str = "shop") -> list[tuple[str, int]]:
    """Return id and batch of every row in the lake, doubles and all."""
    files = lake.files(project, kind)
    if not files:
        return []
    with duckdb.connect() as connection:
        query = "SELECT event_id, batch FROM read_parquet(?, hive_partitioning = true) ORDER BY 1, 2"
        return connection.execute(query, [files]).fetchall()


def test_run_moves_everything_in_numbered_batches(engine: Engine, lake: Lake) -> None:
    """Run moves everything in numbered batches."""
    fill(engine, *[f"e{number:02d}" for number in range(25)])

    assert Drain(engine, lake, batch_rows=10).run() == 25
    assert waiting(engine) == 0
    assert Counter(batch for _, batch in in_lake(lake)) == {1: 10, 2: 10, 3: 5}
    assert Drain(engine, lake).run() == 0


def test_run_keeps_kinds_and_projects_apart(engine: Engine, lake: Lake) -> None:
    """Run keeps kinds and projects apart."""
    fill(engine, "a", "b")
    fill(engine, "a", project="bank")
    inbox = Intake(engine, system_clock)
    inbox.submit("shop", [AliasRow("c", "anon:1", "cust:1", 5)])
    inbox.close()

    assert Drain(engine, lake).run() == 4
    assert in_lake(lake) == [("a", 1), ("b", 1)]
    assert in_lake(lake, "alias") == [("c", 1)]
    assert in_lake(lake, project="bank") == [("a", 1)]


def test_run_stops_at_its_limit(engine: Engine, lake: Lake) -> None:
    """Run stops at its limit."""
    fill(engine, *[f"e{number:02d}" for number in range(25)])

    assert Drain(engine, lake, batch_rows=10).run(limit=15) == 20
    assert waiting(engine) == 5


@pytest.mark.parametrize("step", ["read", "appended", "deleted", "done"])
def test_a_death_at_any_step_loses_and_doubles_nothing(engine: Engine, lake: Lake, step: str) -> None:
    """A death at any step loses and doubles nothing."""
    ids = [f"e{number:02d}" for number in range(25)]
    fill(engine, *ids)
    dying = subprocess.run(
        [sys.executable, "-c", DYING_DRAIN, str(engine.url), str(lake.root), step], check=False, timeout=60
    )
    fill(engine, "late")
    Drain(engine, lake, batch_rows=10).run()

    assert dying.returncode == 9
    assert [event_id for event_id, _ in in_lake(lake)] == [*ids, "late"]
    assert waiting(engine) == 0


def test_an_id_sent_again_after_a_death_is_not_doubled(engine: Engine, lake: Lake) -> None:
    """An id sent again after a death is not doubled."""
    fill(engine, "a")
    subprocess.run(
        [sys.executable, "-c", DYING_DRAIN, str(engine.url), str(lake.root), "appended"],
        check=False,
        timeout=60,
    )
    fill(engine, "a", "b")
    Drain(engine, lake).run()

    assert in_lake(lake) == [("a", 1), ("b", 2)]


def test_rival_drains_move_each_row_once(engine: Engine, lake: Lake) -> None:
    """Rival drains move each row once."""
    ids = [f"e{number:04d}" for number in range(600)]
    fill(engine, *ids)
    drains = [threading.Thread(target=Drain(engine, lake, batch_rows=40).run) for _ in range(3)]
    for drain in drains:
        drain.start()
    for drain in drains:
        drain.join()

    assert [event_id for event_id, _ in in_lake(lake)] == ids
    assert waiting(engine) == 0


@pytest.mark.parametrize("step", ["read", "appended", "deleted"])
def test_a_rival_at_any_step_doubles_nothing(engine: Engine, lake: Lake, step: str) -> None:
    """A rival at any step doubles nothing."""
    fill(engine, *[f"e{number}" for number in range(9)])

    def overtake(at: str) -> None:
        if at == step:
            rival.start()
            rival.join(0.5)  # a rival in need of the write lock waits until we are done

    rival = threading.Thread(target=Drain(engine, lake).run)
    Drain(engine, lake, at_step=overtake).run()
    rival.join()

    assert [event_id for event_id, _ in in_lake(lake)] == [f"e{number}" for number in range(9)]
    assert waiting(engine) == 0


def test_a_row_that_cannot_be_read_stops_nobody(engine: Engine, lake: Lake) -> None:
    """A row that cannot be read stops nobody."""
    fill(engine, "a", "b")
    broken = {"project": "shop", "received_us": 1}
    with writing(engine).begin() as connection:
        connection.execute(
            insert(intake),
            [
                {**broken, "event_id": "a1", "kind": "touchpoint", "body": '{"kind": "touchpoint"}'},
                {**broken, "event_id": "a2", "kind": "hologram", "body": "{}"},
            ],
        )
    Drain(engine, lake).run()

    assert [event_id for event_id, _ in in_lake(lake)] == ["a", "b"]
    with engine.connect() as connection:
        assert set(connection.execute(select(failed_events.c.code)).scalars()) == {"undecodable"}
        assert connection.execute(select(func.count()).select_from(failed_events)).scalar_one() == 2


def test_repair_lets_a_half_written_batch_be_written_again(engine: Engine, lake: Lake) -> None:
    """Repair lets a half written batch be written again."""
    fill(engine, "a")
    subprocess.run(
        [sys.executable, "-c", DYING_DRAIN, str(engine.url), str(lake.root), "appended"],
        check=False,
        timeout=60,
    )
    log_entry(lake.path("shop", "touchpoint"), 1).write_bytes(b"")  # what a power cut may leave of it

    assert Drain(engine, lake).repair() == 1
    assert Drain(engine, lake).run() == 1
    assert in_lake(lake) == [("a", 1)]


def test_a_lake_older_than_the_database_is_told_and_filled(
    engine: Engine, lake: Lake, caplog: pytest.LogCaptureFixture
) -> None:
    """A lake older than the database is told and filled."""
    with writing(engine).begin() as connection:
        connection.execute(insert(drain_state), {"project": "shop", "kind": "touchpoint", "done": 7})
    fill(engine, "a")
    Drain(engine, lake).run()

    assert in_lake(lake) == [("a", 8)]
    assert "ends at batch 0" in caplog.text
    assert lake.open("shop", "touchpoint").last_sequence(APP) == 8


def test_what_was_heard_of_is_noted(engine: Engine, lake: Lake) -> None:
    """For the checklist: name, channel and when; names nobody expects do not fill the disk."""
    rows: list[Row] = [
        TouchpointRow(f"e{number}", "cust:1", f"visit{number % 2}", 5, "web") for number in range(4)
    ]
    inbox = Intake(engine, system_clock)
    inbox.submit("shop", [*rows, AliasRow("a", "anon:1", "cust:1", 5)])
    inbox.close()
    Drain(engine, lake).run()
    with writing(engine).begin() as connection:
        flood = {(f"n{number}", ""): 1 for number in range(MAX_SIGHTINGS)}
        note(connection, "shop", "touchpoint", flood | {("visit0", "web"): 10**18, ("x" * 300, ""): 1})
        seen = connection.execute(select(Sighting.name, Sighting.channel)).all()
        (latest,) = connection.execute(text("SELECT last_seen FROM sightings WHERE name = 'visit0'")).one()

    assert sorted(map(tuple, seen)) == [("visit0", "web"), ("visit1", "web")]
    assert latest == 10**18
