"""Discoveries over HTTP and at the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from flask import Flask
from flask.testing import FlaskClient

from abplat.cli import main
from abplat.clock import format_instant, to_micros
from abplat.facts.lake import Lake
from abplat.facts.rows import TouchpointRow
from abplat.facts.tables import to_table
from abplat.jobs.context import JobContext
from abplat.jobs.runner import Runner
from tests.conftest import NOW, make_catalogue

NAMES = ("visit", "quote", "purchase")


def tell(client: FlaskClient, headers: dict[str, str], n: int = 60) -> None:
    """Send the events of some customers who all buy."""
    day = format_instant(NOW)[:10]
    events: list[dict[str, Any]] = [
        {"kind": "touchpoint", "id": f"{i}-{name}", "actor": f"cust:{i}", "name": name, "channel": "web",
         "ts": f"{day}T00:{minute:02}:{i:02}Z"}
        for i in range(n) for minute, name in enumerate(NAMES)
    ]  # fmt: skip
    assert client.post("/v1/events", json={"events": events}, headers=headers).status_code == 202


def work(app: Flask) -> None:
    """Do what waits, as the worker does."""
    platform = app.extensions["abplat"]
    lake = Lake(platform.settings.lake_dir)
    runner = Runner(JobContext(platform.settings, platform.clock, platform.engine, lake))
    while runner.run_once():
        pass


@pytest.fixture(name="found")
def _found(app: Flask, client: FlaskClient, admin: dict[str, str], new_key: Any) -> dict[str, Any]:
    """Ask, let the worker look, read."""
    tell(client, new_key("server"))
    assert client.get("/v1/discoveries/latest", headers=admin).status_code == 404
    assert client.post("/v1/discoveries", headers=admin).status_code == 202
    work(app)
    document: dict[str, Any] = client.get("/v1/discoveries/latest", headers=admin).json
    return document


def test_a_look_is_asked_for_and_read(found: dict[str, Any]) -> None:
    """Entries, ends, paths, a journey."""
    assert (found["n_customers"], found["n_events"], found["n_episodes"]) == (60, 180, 60)
    assert found["entries"] == [{"event": "visit", "n": 60, "n_with": 60}]
    assert found["ends"] == [{"event": "purchase", "n": 60, "n_with": 60}]
    assert found["proposals"][0]["n_completed"] == 60


def test_a_proposal_can_be_created_as_it_is(
    client: FlaskClient, admin: dict[str, str], found: dict[str, Any]
) -> None:
    """Ready to edit means ready to be taken."""
    definition = found["proposals"][0]["definition"]

    assert client.post("/v1/journeys", json=definition, headers=admin).status_code == 201


def test_a_touchpoint_leaves_the_list_when_it_is_registered(
    client: FlaskClient, admin: dict[str, str], found: dict[str, Any]
) -> None:
    """Without another look."""
    before = client.get("/v1/unknown-touchpoints", headers=admin).json["items"]
    client.post("/v1/channels", json={"key": "web", "title": "Web"}, headers=admin)
    made = client.post("/v1/touchpoints", json=before[0]["definition"], headers=admin)
    after = client.get("/v1/unknown-touchpoints", headers=admin).json["items"]

    assert made.status_code == 201, made.json
    assert [each["event"] for each in before] == ["purchase", "quote", "visit"]
    assert [each["event"] for each in after] == ["quote", "visit"]


def test_others_may_not_look(client: FlaskClient, new_key: Any) -> None:
    """An admin key is needed."""
    for method, path in (("post", "/v1/discoveries"), ("get", "/v1/unknown-touchpoints")):
        assert getattr(client, method)(path, headers=new_key("server")).status_code == 403
    assert client.get("/v1/discoveries/latest").status_code == 401


def test_the_command_line_writes_what_apply_takes(tmp_path: Path) -> None:
    """YAML with comments, edited by nobody, applied as it stands."""
    data = ["--data-dir", str(tmp_path / "data")]
    catalogue = tmp_path / "shop.yaml"
    catalogue.write_text(yaml.safe_dump(make_catalogue()))
    start = to_micros(NOW)
    rows = [
        TouchpointRow(f"{i}-{name}", f"cust:{i}", name, start + hour * 3_600_000_000, "web")
        for i in range(1, 41)
        for hour, name in enumerate(NAMES)
    ]
    table = to_table("touchpoint", rows, [row.ts_us for row in rows])
    Lake(tmp_path / "data" / "lake").append("shop", "touchpoint", table, app="test", sequence=1)

    def run(*arguments: str) -> Any:
        done = CliRunner().invoke(main, [*arguments, *data])
        assert done.exit_code == 0, done.output
        return done

    run("apply", str(catalogue))
    written = run("journeys", "discover", "--project", "shop").stdout
    (tmp_path / "found.yaml").write_text(written)

    assert "# episodes begin with: visit 40 of 40" in written
    assert "+ journeys visit-to-purchase" in run("apply", str(tmp_path / "found.yaml")).output
    assert '"n_completed": 40' in run("journeys", "discover", "--project", "shop", "--json").stdout
