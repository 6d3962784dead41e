"""The data-quality board and the retention, from the door to the page's numbers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from abplat.clock import format_instant
from abplat.facts.lake import Lake
from abplat.jobs.context import JobContext
from abplat.jobs.runner import Runner
from abplat.services import catalogue, projects
from abplat.services.platform import Platform
from tests.conftest import NOW, FakeClock, make_catalogue

Headers = dict[str, str]


@pytest.fixture(name="platform")
def _platform(app: Flask) -> Platform:
    """Return the platform of the app, with a touchpoint whose event is ``quote``."""
    platform: Platform = app.extensions["abplat"]
    with platform.writers.begin() as session:
        catalogue.apply(session, make_catalogue(), now=NOW)
    return platform


@pytest.fixture(name="worker")
def _worker(platform: Platform, clock: FakeClock) -> Runner:
    """Return a worker on the same database and lake."""
    return Runner(JobContext(platform.settings, clock, platform.engine, Lake(platform.settings.lake_dir)))


def make_event(number: int, **over: Any) -> dict[str, Any]:
    """Return a touchpoint."""
    event = {"kind": "touchpoint", "id": f"e{number}", "actor": f"cust:{number}", "name": "quote",
             "channel": "web", "ts": format_instant(NOW)}  # fmt: skip
    return event | over


@pytest.fixture(name="send")
def _send(client: FlaskClient, platform: Platform, new_key: Callable[..., Headers]) -> Callable[..., Any]:
    """Return a function that sends a batch."""
    key = new_key("server")

    def send(events: list[dict[str, Any]], **envelope: Any) -> Any:
        """Send a batch."""
        answer = client.post("/v1/events", json={"events": events, **envelope}, headers=key)
        assert answer.status_code == 202, answer.json
        return answer.json

    return send


def look(client: FlaskClient, new_key: Callable[..., Headers]) -> Any:
    """Read the board."""
    return client.get("/v1/quality", headers=new_key("admin"))


def test_everything_odd_is_counted_and_named(
    send: Callable[..., Any], platform: Platform, worker: Runner, client: FlaskClient,
    new_key: Callable[..., Headers], clock: FakeClock,
) -> None:  # fmt: skip
    """Late, early, doubled, refused, dropped, unknown and sent by a wrong clock."""
    assert look(client, new_key).status_code == 404
    send([make_event(number) for number in range(10)])
    send([make_event(0), make_event(10, ts=format_instant(NOW - timedelta(days=3)))])
    send([make_event(11, ts=format_instant(NOW + timedelta(hours=1)))], dropped=7)
    send(
        [make_event(12, name="qoute"), make_event(13, name="")],
        sent_at=format_instant(NOW - timedelta(hours=2)),
    )
    with platform.writers.begin() as session:
        platform.arrivals.take()(session.connection())
    assert worker.run_once() == 0
    board = look(client, new_key).json

    (arrival,) = board["arrivals"]
    assert {name: arrival[name] for name in ("accepted", "duplicates", "refused", "dropped", "skewed", "batches")} == {
        "accepted": 13, "duplicates": 1, "refused": 1, "dropped": 7, "skewed": 1, "batches": 4,
    }  # fmt: skip
    volumes = {(each["day"], each["channel"]): each for each in board["volumes"]}
    today, before = volumes["2026-03-04", "web"], volumes["2026-03-01", "web"]
    assert (today["n"], today["early"], today["late"], today["repeated"]) == (12, 1, 0, 0)
    assert (before["n"], before["late"]) == (1, 1)
    assert before["p50_late_s"] == pytest.approx(3 * 86_400)
    assert board["refusals"] == [{"code": "empty", "n": 1}]
    assert [(each["name"], each["n"]) for each in board["strangers"]] == [("qoute", 1)]
    assert {each["code"] for each in board["notices"]} == {
        "late", "clock", "unknown_touchpoints", "refused", "duplicates", "dropped", "skewed",
    }  # fmt: skip


def test_good_data_raise_no_notice(
    send: Callable[..., Any], platform: Platform, worker: Runner, client: FlaskClient,
    new_key: Callable[..., Headers], clock: FakeClock,
) -> None:  # fmt: skip
    """A quiet board is a good one."""
    send([make_event(number) for number in range(10)], sent_at=format_instant(NOW))
    worker.run_once()

    assert look(client, new_key).json["notices"] == []


def test_a_channel_that_falls_silent_is_named(
    send: Callable[..., Any], platform: Platform, worker: Runner, client: FlaskClient,
    new_key: Callable[..., Headers], clock: FakeClock,
) -> None:  # fmt: skip
    """The store spoke for four days, then only the web went on."""
    for day in range(7):
        channels = ("web", "store") if day < 4 else ("web",)
        send([make_event(day * 10 + n, channel=channel, ts=format_instant(clock.now))
              for n, channel in enumerate(channels)])  # fmt: skip
        clock.advance(days=1)
    worker.run_once()

    notices = {each["code"]: each["title"] for each in look(client, new_key).json["notices"]}
    assert notices == {"silent": "nothing came from store since 2026-03-07"}


def test_facts_are_kept_as_long_as_the_project_says(
    send: Callable[..., Any], platform: Platform, worker: Runner, clock: FakeClock
) -> None:
    """Days older than that are gone from the disk, the others are whole."""
    send([make_event(1, ts=format_instant(NOW - timedelta(days=40))), make_event(2)])
    with platform.writers.begin() as session:
        projects.update(session, "shop", {"keep_facts": "30d"}, now=NOW)
    worker.run_once()
    lake = Lake(platform.settings.lake_dir)

    days = sorted({path.parent.name for path in lake.root.rglob("day=*/*.parquet")})
    assert days == ["day=2026-03-04"]
    assert len(lake.files("shop", "touchpoint")) == 1


@pytest.mark.parametrize("dropped", [-1, "3", True, 1.5, 10**12])
def test_a_count_that_is_none_is_refused(
    client: FlaskClient, platform: Platform, new_key: Callable[..., Headers], dropped: Any
) -> None:
    """The whole batch: its envelope is not of its shape."""
    document = {"events": [make_event(1)], "dropped": dropped}
    answer = client.post("/v1/events", json=document, headers=new_key("server"))

    assert (answer.status_code, answer.json["errors"][0]["path"]) == (422, "dropped")
