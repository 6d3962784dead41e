"""A shop with something on every page: definitions, keys, sightings, a board, refused events and reports."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import msgspec
from flask import Flask

from abplat.app import create_app
from abplat.clock import to_micros
from abplat.config import Settings
from abplat.db.models.intake import failed_events
from abplat.db.queries import sightings
from abplat.domain.quality import Arrival, Board, Refusal, Stranger, Volume, judge_board
from abplat.domain.report import Report
from abplat.services import catalogue, experiments, quality, reports
from abplat.services.experiments import Moment
from tests.conftest import FakeClock, make_catalogue, make_experiment, make_metric
from tests.web import report_factory as factory

HOSTILE = '"><script>alert(1)</script>{{7*7}}\u202e<b onclick=x>'
CLICKS = {"metric": "clicks", "role": "touchpoint"}
DONE = {"metric": "completed", "role": "primary"}


def make_shop_app(settings: Settings, clock: FakeClock, sign_in: str = "local") -> Flask:
    """Make an application of a shop."""
    app = create_app(replace(settings, sign_in=sign_in), clock)
    platform = app.extensions["abplat"]
    with platform.writers.begin() as session:
        catalogue.apply(session, make_shop(), now=clock())
        seen = to_micros(clock())
        sightings.note(
            session.connection(),
            "shop",
            "touchpoint",
            {("visit", "web"): seen, ("call", "kiosk"): seen - 3 * 86_400_000_000},
        )
        quality.keep_board(session, "shop", make_board(), now=clock())
        for body in (
            {"kind": "touchpoint", "actor": "email:ada@example.com", "name": HOSTILE, "channel": "web"},
            [1],
        ):
            session.execute(
                failed_events.insert().values(
                    project="shop",
                    received_us=seen,
                    code="bad_id",
                    message="actor: 'ada@example.com' has no type",
                    index=0,
                    body=json.dumps(body),
                )
            )
    return app


def make_shop() -> dict[str, Any]:
    """Return the definitions: two touchpoints, two metrics, several experiments of which some meet."""
    return make_catalogue(
        channels=[{"key": "web", "title": "Web"}, {"key": "store", "title": "Store"}],
        metrics=[
            make_metric(),
            make_metric(key="clicks", title="Clicks", kind="touchpoint", journey=None, match=[{"event": "click"}]),
            make_metric(key="calls", title=HOSTILE, owner=HOSTILE, kind="touchpoint", journey=None,
                        match=[{"event": "call", "channel": "phone"}], direction="down"),
        ],
        experiments=[
            make_experiment(hypothesis="We believe a shorter form sells more tents.", metrics=[DONE, CLICKS]),
            make_experiment(key="free-delivery", title="Free delivery", hypothesis="Delivery costs keep customers away.", decide_after="28d"),
            make_experiment(key="hostile", title=HOSTILE, owner=HOSTILE, hypothesis=HOSTILE),
        ],
    )  # fmt: skip


def make_board() -> Board:
    """Return a board on which something is odd."""
    days = [f"2026-03-{day:02}" for day in range(1, 5)]
    volumes = [
        Volume(day=day, kind="touchpoints", channel=channel, n=100 + place * 7, repeated=2, late=30, early=1,
               p50_late_s=2.0, p99_late_s=90_000.0)
        for place, day in enumerate(days) for channel in ("web", HOSTILE, "")
    ]  # fmt: skip
    arrivals = [
        Arrival(day=day, accepted=400, duplicates=9, refused=12, dropped=3, skewed=1, batches=40)
        for day in days
    ]
    board = Board(
        made_at="2026-03-04T09:30:00Z", volumes=tuple(volumes), arrivals=tuple(arrivals),
        refusals=(Refusal(code="bad_id", n=12),), strangers=(Stranger(name=HOSTILE, channel="", n=4),),
    )  # fmt: skip
    return judge_board(board, "2026-03-04")


def start(app: Flask, key: str, *, days_ago: float = 0, stop_after: float | None = None) -> None:
    """Start an experiment in the past, and stop it."""
    platform = app.extensions["abplat"]
    now = platform.clock()
    began = now - timedelta(days=days_ago)
    with platform.writers.begin() as session:
        experiments.start(session, "shop", key, Moment(now, began), anyway="a test")
        if stop_after is not None:
            experiments.stop(session, "shop", key, Moment(now, began + timedelta(days=stop_after)))
    platform.forget("shop")


def conclude(
    app: Flask,
    key: str,
    outcome: str = "won",
    note: str = "Short forms sell.",
    shipped: str | None = "treatment",
) -> None:
    """Say what was learned."""
    platform = app.extensions["abplat"]
    with platform.writers.begin() as session:
        document = {"outcome": outcome, "note": note, "shipped": shipped}
        experiments.conclude(session, "shop", key, document, now=platform.clock())
    platform.forget("shop")


def keep_report(app: Flask, key: str, report: Report | None = None) -> None:
    """Keep a report of an experiment, as the worker does."""
    platform = app.extensions["abplat"]
    made = report or factory.make_report()
    facts = msgspec.structs.replace(made.experiment, key=key)
    with platform.writers.begin() as session:
        reports.store(
            session, msgspec.structs.replace(made, project="shop", experiment=facts), now=platform.clock()
        )
