"""Export and erasure of one person: over HTTP, through the worker, down to the bytes on the disk."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest
from click.testing import CliRunner
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text

from abplat.cli.customers import command
from abplat.cli.worker import _make_runner
from abplat.facts.actors import ActorBook
from abplat.facts.lake import Lake
from abplat.jobs.context import JobContext
from abplat.jobs.runner import Runner
from abplat.services import catalogue, experiments
from abplat.services.experiments import Moment
from abplat.services.platform import Platform
from tests.conftest import NOW, POSTGRES, FakeClock, make_catalogue

Headers = dict[str, str]
PERSON = ("cust:erika-7", "anon:erika-w1", "phone:+4930555123")
OTHER = "cust:otto-8"


@pytest.fixture(name="platform")
def _platform(app: Flask) -> Platform:
    """Return the platform of the app, with a running experiment."""
    platform: Platform = app.extensions["abplat"]
    with platform.writers.begin() as session:
        catalogue.apply(session, make_catalogue(), now=NOW)
        experiments.start(session, "shop", "shorter-form", Moment(NOW))
    return platform


@pytest.fixture(name="call")
def _call(platform: Platform, client: FlaskClient, new_key: Callable[..., Headers]) -> Callable[..., Any]:
    """Return a function that calls a route with a key of a kind."""
    keys = {kind: new_key(kind) for kind in ("server", "admin")}

    def call(path: str, document: Any = None, kind: str = "admin") -> Any:
        """Call a route."""
        if document is None:
            return client.get(path, headers=keys[kind])
        return client.post(path, json=document, headers=keys[kind])

    return call


@pytest.fixture(name="worker")
def _worker(platform: Platform, clock: FakeClock) -> Runner:
    """Return a worker on the same database and lake."""
    lake = Lake(platform.settings.lake_dir)
    return Runner(JobContext(platform.settings, clock, platform.engine, lake))


def make_events(actor: str, number: int) -> list[dict[str, Any]]:
    """Return one event of each kind for an id."""
    common = {"ts": "2026-03-04T09:00:00Z"}
    return [
        {"kind": "touchpoint", "id": f"t{number}", "actor": actor, "name": "visit", **common},
        {"kind": "exposure", "id": f"x{number}", "actor": actor, "experiment": "shorter-form",
         "variant": "control", "reason": "split", **common},
        {"kind": "score", "id": f"s{number}", "actor": actor, "name": "csat", "value": 4, **common},
        {"kind": "touchpoint", "id": f"b{number}", "actor": actor, "name": "", **common},
    ]  # fmt: skip


def live(call: Callable[..., Any]) -> None:
    """Let a person of three ids and somebody else leave traces everywhere."""
    events = [each for number, actor in enumerate((*PERSON, OTHER)) for each in make_events(actor, number)]
    events.append({"kind": "alias", "id": "a1", "a": PERSON[2], "b": PERSON[0], "ts": "2026-03-04T09:00:00Z"})
    assert call("/v1/events", {"events": events}, "server").status_code == 202
    known = {"anonymous": PERSON[1], "known": PERSON[0], "assignments": {"shorter-form": "control"}}
    assert call("/v1/identify", known, "server").status_code == 200
    assert call("/v1/decide", {"unit": PERSON[0], "keys": ["shorter-form"]}, "server").status_code == 200


def find_bytes(folder: Path, needle: str) -> list[str]:
    """Return the files that hold a text; compressed columns are read through the lake, not here."""
    return [
        path.name for path in folder.rglob("*") if path.is_file() and needle.encode() in path.read_bytes()
    ]


def count_rows(lake: Lake, ids: tuple[str, ...]) -> int:
    """Count the rows of the lake that name an id, in every file on the disk, valid or not."""
    import duckdb

    found = 0
    for path in lake.root.rglob("*.parquet"):
        if "_delta_log" in path.parts:
            continue
        columns = ("a", "b") if "aliases" in path.parts else ("actor",)
        wanted = " OR ".join(f"{column} IN (SELECT unnest(?::VARCHAR[]))" for column in columns)
        query = f"SELECT count(*) FROM read_parquet(?) WHERE {wanted}"
        rows = duckdb.execute(query, [str(path), *[list(ids)] * len(columns)]).fetchall()
        found += sum(int(n) for (n,) in rows)
    return found


def test_an_erased_person_is_nowhere(
    call: Callable[..., Any], platform: Platform, worker: Runner, clock: FakeClock
) -> None:
    """All ids of the person go, with everything that named them; others keep every row."""
    live(call)
    taken = call("/v1/customers/erase", {"id": PERSON[0], "reason": "letter 12"})
    assert (taken.status_code, taken.json["state"]) == (202, "queued")
    assert worker.run_once() == 0
    done = call(f"/v1/customers/requests/{taken.json['id']}").json
    lake = Lake(platform.settings.lake_dir)

    assert done["state"] == "done"
    assert done["receipt"]["ids"] == 3
    rows = done["receipt"]["rows"]
    assert (rows["touchpoints"], rows["exposures"], rows["scores"]) == (3, 3, 3)
    assert (rows["aliases"], rows["failed_events"]) == (2, 3)
    assert min(rows["assignments"], rows["joins"], rows["members"]) > 0
    assert count_rows(lake, PERSON) == 0
    assert count_rows(lake, (OTHER,)) == 3
    if not POSTGRES:
        platform.engine.dispose()  # a file keeps what its open connections have not yet let go of
    assert {each: find_bytes(platform.settings.data_dir, each) for each in PERSON} == {
        each: [] for each in PERSON
    }
    assert find_bytes(platform.settings.data_dir, OTHER) != []


def test_a_sealed_person_is_nowhere_either(
    call: Callable[..., Any], platform: Platform, worker: Runner, clock: FakeClock
) -> None:
    """Neither in the sealed days and the files they replaced, nor in the book of ids, nor in what was derived."""
    live(call)
    assert worker.run_once() == 0
    worker._call("seal", {"everything": True})
    worker._call("refresh", {})
    derived = Path(platform.settings.lake_dir) / "shop" / "derived"
    assert (derived / "note.json").exists()
    call("/v1/customers/erase", {"id": PERSON[0], "reason": "letter 17"})
    assert worker.run_once() == 0
    lake = Lake(platform.settings.lake_dir)
    book = ActorBook(lake.path("shop", "touchpoint").parent)
    (listed,) = duckdb.execute(f"SELECT list(actor) FROM ({book.query()})").fetchall()

    assert count_rows(lake, PERSON) == 0
    assert count_rows(lake, (OTHER,)) > 0
    assert listed[0] == [OTHER]
    assert not derived.exists()
    assert {each: find_bytes(lake.root / "shop" / "actors", each) for each in PERSON} == {
        each: [] for each in PERSON
    }


def test_nothing_of_an_erased_person_comes_back(
    call: Callable[..., Any], platform: Platform, worker: Runner, clock: FakeClock
) -> None:
    """A replay is refused without a trace, a log-in joins nothing, and the ledger keeps nothing."""
    live(call)
    call("/v1/customers/erase", {"id": PERSON[1], "reason": "letter 13"})
    worker.run_once()
    platform.doorkeeper._held.clear()
    replay = call("/v1/events", {"events": make_events(PERSON[2], 77)}, "server").json
    call("/v1/identify", {"anonymous": PERSON[1], "known": PERSON[0]}, "server")
    decided = call("/v1/decide", {"unit": PERSON[0], "keys": ["shorter-form"]}, "server")
    worker.run_once()

    assert [each["code"] for each in replay["refused"]] == ["erased"] * 4
    assert decided.status_code == 200
    assert count_rows(Lake(platform.settings.lake_dir), PERSON) == 0
    with platform.engine.connect() as connection:
        for table in ("assignments", "identity_members", "identity_joins", "intake"):
            body = json.dumps(
                [list(map(str, row)) for row in connection.execute(text(f"SELECT * FROM {table}"))]
            )
            assert not [each for each in PERSON if each in body], table


def test_what_slips_through_the_door_stops_at_the_drain(
    call: Callable[..., Any], platform: Platform, worker: Runner, clock: FakeClock
) -> None:
    """Another process may not yet know of the erasure when it takes an event."""
    live(call)
    assert platform.doorkeeper.find("shop") is None  # what that other process holds
    platform.doorkeeper._max_age_s = 1e9
    call("/v1/customers/erase", {"id": PERSON[0], "reason": "letter 14"})
    worker.run_once()
    late = call("/v1/events", {"events": make_events(PERSON[0], 99)[:1]}, "server").json
    worker.run_once()

    assert late["accepted"] == 1
    assert count_rows(Lake(platform.settings.lake_dir), PERSON) == 0


@pytest.mark.skipif(bool(POSTGRES), reason="a backup of SQLite is a file; that of a server is its own affair")
def test_a_restored_backup_is_erased_again(
    call: Callable[..., Any], platform: Platform, worker: Runner, clock: FakeClock
) -> None:
    """The file beside the lake knows who was erased when the database no longer does."""
    live(call)
    settings = platform.settings
    worker.run_once()
    platform.intake.close()
    with platform.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    platform.engine.dispose()
    file = settings.data_dir / "abplat.sqlite3"
    backup = shutil.copy(file, settings.data_dir.parent / "backup")
    erased = CliRunner().invoke(
        command,
        [
            "erase",
            PERSON[0],
            "--project",
            "shop",
            "--reason",
            "x",
            "--yes",
            "--data-dir",
            str(settings.data_dir),
        ],
        catch_exceptions=False,
    )
    assert "receipt" in erased.output
    for suffix in ("", "-wal", "-shm"):
        file.with_name(file.name + suffix).unlink(missing_ok=True)
    shutil.copy(backup, file)
    runner = _make_runner(settings)
    assert runner.run_once() == 0
    runner._context.engine.dispose()

    with platform.engine.connect() as connection:
        held = connection.execute(
            text("SELECT count(*) FROM assignments WHERE unit LIKE 'cust:erika%'")
        ).scalar()
    assert held == 0


def test_a_copy_holds_everything_and_is_forgotten(
    call: Callable[..., Any], platform: Platform, worker: Runner, clock: FakeClock
) -> None:
    """The copy names all ids and every fact once; a day later it is gone."""
    live(call)
    taken = call("/v1/customers/export", {"id": PERSON[2], "reason": "letter 15"}).json
    early = call(f"/v1/customers/requests/{taken['id']}/copy")
    worker.run_once()
    answer = call(f"/v1/customers/requests/{taken['id']}/copy")
    clock.advance(days=1, seconds=1)
    worker.run_once()
    late = call(f"/v1/customers/requests/{taken['id']}/copy")

    assert (early.status_code, answer.status_code, late.status_code) == (404, 200, 404)
    assert answer.headers["Cache-Control"] == "no-store"
    copy = answer.json
    assert set(copy["ids"]) == set(PERSON)
    assert (len(copy["touchpoints"]), len(copy["exposures"]), len(copy["scores"])) == (3, 3, 3)
    assert {row["unit"] for row in copy["assignments"]} >= {PERSON[0]}
    assert OTHER not in json.dumps(copy)


def test_a_bad_request_says_what_is_wrong(call: Callable[..., Any]) -> None:
    """Nothing is queued for an id without a type, or without a reason."""
    answer = call("/v1/customers/erase", {"id": "7", "unknown": 1})

    assert answer.status_code == 422
    assert {each["path"] for each in answer.json["errors"]} == {"id", "reason", "unknown"}
    assert call("/v1/customers/requests").json["items"] == []


def test_a_definition_that_names_the_person_is_told(
    call: Callable[..., Any], platform: Platform, worker: Runner
) -> None:
    """Segments list members by hand: the receipt says which."""
    taken = call("/v1/customers/erase", {"id": "cust:1", "reason": "letter 16"}).json
    worker.run_once()

    done = call(f"/v1/customers/requests/{taken['id']}").json
    assert done["receipt"]["still_named_in"] == ["segments/vip"]


def test_a_group_is_erased_with_the_exposures_that_name_it(
    call: Callable[..., Any], worker: Runner, platform: Platform
) -> None:
    """A household is somebody, too: exposures of its members name it, and what comes later is kept out."""
    common = {
        "kind": "exposure",
        "experiment": "shorter-form",
        "variant": "control",
        "reason": "split",
        "ts": "2026-03-04T09:00:00Z",
    }
    events = [
        {**common, "id": "h1", "actor": "cust:1", "cluster": "household:7"},
        {**common, "id": "h2", "actor": "cust:2", "cluster": "household:8"},
        {**common, "id": "h3", "actor": "cust:3"},
    ]
    call("/v1/events", {"events": events}, "server")
    taken = call("/v1/customers/erase", {"id": "household:7", "reason": "letter 21"})
    worker.run_once()
    platform.doorkeeper._held.clear()
    late = {**common, "id": "h4", "actor": "cust:1", "cluster": "household:7"}
    refused = call("/v1/events", {"events": [late]}, "server").json["refused"]
    worker.run_once()
    lake = Lake(platform.settings.lake_dir)
    rows = duckdb.execute(
        "SELECT event_id, cluster FROM read_parquet(?, union_by_name = true)",
        [lake.files("shop", "exposure")],
    ).fetchall()

    assert taken.status_code == 202
    assert [each["code"] for each in refused] == ["erased"]
    assert sorted(rows) == [("h2", "household:8"), ("h3", None)]
