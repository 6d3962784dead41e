"""A project to set experiments up in, and a person who may."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from flask import Flask
from sqlalchemy.orm import Session

from abplat.app import create_app
from abplat.config import Settings
from abplat.jobs.context import JobContext
from abplat.jobs.registry import find_handler
from abplat.services import catalogue
from abplat.services.platform import Platform
from tests.conftest import FakeClock, make_journey, make_metric

QUESTION = {
    "change": "a shorter form", "people": "new customers", "outcome": "bring more orders", "because": "it asks less",
    "title": "Shorter form", "key": "", "owner": "Ada", "kind": "ab",
}  # fmt: skip
DECIDES = {"goal": "completed", "role-calls": "guardrail", "margin-calls": "5", "min_effect": "2", "horizon": "7d", "alpha": "5"}  # fmt: skip
WHO = {"unit_type": "cust", "included": "100", "layer": "", "slot_from": "0", "slot_to": "100"}
VARIANTS = {
    "rows": "2", "key-0": "control", "title-0": "Control", "weight-0": "50", "payload-0-web": '{"fields": 9}',
    "key-1": "short", "title-1": "Short", "weight-1": "50", "payload-1-web": '{"fields": 3}',
}  # fmt: skip


def make_project(**over: Any) -> dict[str, Any]:
    """Describe a project with two metrics, a layer and a segment."""
    calls = {"key": "calls", "title": "Calls to the service", "kind": "touchpoint", "match": [{"event": "call"}], "journey": None}  # fmt: skip
    return {
        "project": {"key": "shop", "title": "Shop", **over},
        "channels": [{"key": "web", "title": "Web"}, {"key": "store", "title": "Store"}],
        "journeys": [make_journey()],
        "metrics": [make_metric(), make_metric(**calls)],
        "layers": [{"key": "checkout", "title": "Checkout"}],
        "holdouts": [{"key": "global", "title": "Global holdout", "share": 500}],
        "segments": [{"key": "vip", "title": "Very good customers", "owner": "Ada", "members": ["cust:1"]}],
    }


@contextmanager
def open_app(settings: Settings, clock: FakeClock, sign_in: str = "local") -> Iterator[Flask]:
    """Open an application with the project; nobody signs in unless told (a password takes its time)."""
    app = create_app(replace(settings, sign_in=sign_in), clock)
    with app.extensions["abplat"].writers.begin() as session:
        catalogue.apply(session, make_project(), now=clock())
    yield app
    app.extensions["abplat"].close()


def run_jobs(app: Flask, kind: str) -> None:
    """Do the waiting jobs of a kind, as the worker would."""
    from sqlalchemy import select, update

    from abplat.db.models.jobs import jobs
    from abplat.facts.lake import Lake

    platform: Platform = app.extensions["abplat"]
    context = JobContext(platform.settings, platform.clock, platform.engine, Lake(platform.settings.lake_dir))
    with platform.sessions() as session:
        waiting = session.execute(select(jobs.c.id, jobs.c.payload).where(jobs.c.kind == kind, jobs.c.state == "queued")).all()  # fmt: skip
    for job, payload in waiting:
        outcome = find_handler(kind)(context, json.loads(payload))
        with platform.writers.begin() as session:
            if outcome.publish:
                outcome.publish(session)
            session.execute(update(jobs).where(jobs.c.id == job).values(state="done"))


def tell_setup(location: str) -> str:
    """Return the address of a set-up without its step."""
    found = re.search(r"/projects/shop/setups/[0-9a-f]{32}", location)
    assert found, location
    return found[0]


def read(app: Flask) -> Session:
    """Return a session that reads."""
    platform: Platform = app.extensions["abplat"]
    return platform.sessions()


def send_events(app: Flask) -> None:
    """Let a few customers walk the journey, each a way of their own."""
    from abplat.services import keys
    from tests.conftest import NOW

    with app.extensions["abplat"].writers.begin() as session:
        key = keys.create(session, "shop", "server", now=NOW).token
    ways = ((("visit", 1, "web"), ("quote", 2, "web"), ("purchase", 3, "store")),
            (("visit", 1, "store"), ("quote", 1, "store"), ("purchase", 2, "store")),
            (("visit", 1, "app"), ("quote", 3, "web")), (("visit", 2, "web"),))  # fmt: skip
    events = [
        {"kind": "touchpoint", "id": f"{n}-{name}", "actor": f"cust:{n}", "name": name,
         "ts": f"2026-03-0{day}T10:00:00Z", "channel": channel}
        for n in range(40)
        for name, day, channel in (ways[n % 7 % 4] if n else (("visit", 1, "store"), ("quote", 2, "web")))
    ]  # fmt: skip
    sent = app.test_client().post(
        "/v1/events", json={"events": events}, headers={"Authorization": f"Bearer {key}"}
    )

    assert sent.status_code == 202
