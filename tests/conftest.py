"""Factories and fixtures: a real database per test, a clock that stands still."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.orm import Session
from sqlalchemy.pool import NullPool

from abplat.app import create_app
from abplat.config import Settings
from abplat.db.engine import make_engine
from abplat.db.upgrade import upgrade
from abplat.services import keys, projects
from abplat.services.platform import Platform, open_platform

# How long an example takes says nothing of our code on a machine that is busy with others.
# ``HYPOTHESIS_EXAMPLES=1000 make test`` looks harder.
hypothesis.settings.register_profile(
    "abplat",
    deadline=None,
    max_examples=int(os.environ.get("HYPOTHESIS_EXAMPLES", "40")),
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("abplat")
NOW = datetime(2026, 3, 4, 10, 0, tzinfo=UTC)
POSTGRES = os.environ.get("ABPLAT_TEST_POSTGRES", "")
PG_TEMPLATE = f"abplat_template_{os.getpid()}"


class FakeClock:
    """A clock that moves only when it is told to."""

    def __init__(self, now: datetime = NOW) -> None:
        """Start at an instant."""
        self.now = now

    def __call__(self) -> datetime:
        """Return the present instant."""
        return self.now

    def advance(self, **by: float) -> None:
        """Move on."""
        self.now += timedelta(**by)


def make_journey(**over: Any) -> dict[str, Any]:
    """Return a journey of three stages."""
    stages = [{"key": key, "match": [{"event": key}]} for key in ("visit", "quote", "purchase")]
    return {"key": "buy", "title": "Buy a tent", "owner": "Ada", "stages": stages, "window": "7d"} | over


def make_metric(**over: Any) -> dict[str, Any]:
    """Return the metric of completed journeys."""
    return {
        "key": "completed",
        "title": "Completed",
        "owner": "Ada",
        "kind": "completion",
        "journey": "buy",
    } | over


def make_experiment(**over: Any) -> dict[str, Any]:
    """Return an experiment of two equal arms that nothing is wrong with."""
    return {
        "key": "shorter-form",
        "title": "Shorter form",
        "owner": "Ada",
        "journey": "buy",
        "variants": [{"key": "control", "weight": 5000}, {"key": "treatment", "weight": 5000}],
        "metrics": [{"metric": "completed", "role": "primary"}],
        "horizon": "7d",
    } | over


def make_template(**over: Any) -> dict[str, Any]:
    """Return a template that gives what most experiments share."""
    given = {"journey": "buy", "metrics": [{"metric": "completed", "role": "primary"}], "horizon": "14d"}
    return {"key": "usual", "title": "Usual plan", "owner": "Ada", "experiment": given} | over


def make_catalogue(project: str = "shop", **over: Any) -> dict[str, Any]:
    """Return a whole document: everything that an experiment stands on, and the experiment."""
    return {
        "project": {"key": project, "title": "Shop"},
        "channels": [{"key": "web", "title": "Web"}],
        "touchpoints": [
            {"key": "form", "title": "Form", "event": "quote", "channel": "web", "owner": "Sales"},
        ],
        "journeys": [make_journey()],
        "metrics": [
            make_metric(),
            {
                "key": "clicks", "title": "Clicks", "owner": "Ada", "kind": "touchpoint",
                "match": [{"event": "click"}],
            },
        ],
        "layers": [{"key": "checkout", "title": "Checkout"}],
        "holdouts": [{"key": "global", "title": "Global", "share": 500}],
        "segments": [{"key": "vip", "title": "Very important", "members": ["cust:1", "cust:2"]}],
        "personas": [
            {
                "key": "planner", "title": "Planner", "origin": "data",
                "rule": {"attribute": "visits", "op": "gte", "value": 5},
            },
        ],
        "templates": [make_template()],
        "experiments": [make_experiment()],
        "observations": [],
        "annotations": [],
    } | over  # fmt: skip


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a SQLite file with all tables, made once."""
    path = tmp_path_factory.mktemp("template") / "abplat.sqlite3"
    engine = make_engine(f"sqlite:///{path}")
    upgrade(engine)
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    engine.dispose()
    return path


@pytest.fixture(name="settings")
def _settings(tmp_path: Path, template: Path, server: Engine | None) -> Iterator[Settings]:
    """Return settings with a database of their own."""
    if server is not None:
        yield from _postgres_settings(server, tmp_path)
        return
    data_dir = tmp_path / "data"
    data_dir.mkdir(mode=0o700)
    shutil.copy(template, data_dir / "abplat.sqlite3")
    yield Settings(data_dir=data_dir, sign_in="local")  # noqa: PT022  # the other branch has a teardown


@pytest.fixture(scope="session")
def server() -> Iterator[Engine | None]:
    """Return the PostgreSQL server that the environment names, with a migrated database to copy."""
    if not POSTGRES:
        yield None
        return
    server = create_engine(POSTGRES, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    run_sql(server, f"CREATE DATABASE {PG_TEMPLATE}")
    engine = make_engine(_url_of(server, PG_TEMPLATE), pooled=False)
    upgrade(engine)
    yield server
    run_sql(server, f"DROP DATABASE {PG_TEMPLATE} WITH (FORCE)")


def run_sql(server: Engine, sql: str) -> None:
    """Run one statement outside of any transaction."""
    with server.connect() as connection:
        connection.execute(text(sql))


def _url_of(server: Engine, name: str) -> str:
    """Return the URL of a database on a server."""
    return server.url.set(database=name).render_as_string(hide_password=False)


def _postgres_settings(server: Engine, tmp_path: Path) -> Iterator[Settings]:
    """Copy the migrated database, and drop the copy afterwards."""
    name = f"abplat_{uuid.uuid4().hex[:12]}"
    run_sql(server, f"CREATE DATABASE {name} TEMPLATE {PG_TEMPLATE} STRATEGY WAL_LOG")
    url = _url_of(server, name)
    yield Settings(data_dir=tmp_path / "data", database_url=url, sign_in="local")
    run_sql(server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(name="clock")
def _clock() -> FakeClock:
    """Return a clock that stands still."""
    return FakeClock()


@pytest.fixture(name="platform")
def _platform(settings: Settings, clock: FakeClock) -> Iterator[Platform]:
    """Return an open platform."""
    platform = open_platform(settings, clock)
    yield platform
    platform.close()


@pytest.fixture(name="session")
def _session(platform: Platform) -> Iterator[Session]:
    """Return a session that writes; nothing of it is kept."""
    with platform.writers() as session:
        yield session


@pytest.fixture(name="app")
def _app(settings: Settings, clock: FakeClock) -> Iterator[Flask]:
    """Return the web application."""
    app = create_app(settings, clock)
    yield app
    app.extensions["abplat"].close()


@pytest.fixture(name="client")
def _client(app: Flask) -> FlaskClient:
    """Return a client without a key."""
    return app.test_client()


@pytest.fixture(name="new_key")
def _new_key(app: Flask, clock: FakeClock) -> Callable[..., dict[str, str]]:
    """Return a function that makes a key, and its project where needed, and returns the header."""

    def make(kind: str = "admin", project: str = "shop") -> dict[str, str]:
        """Make a key."""
        platform: Platform = app.extensions["abplat"]
        with platform.writers.begin() as session:
            if project not in {each["key"] for each in projects.list_(session)}:
                projects.create(session, {"key": project, "title": project}, now=clock())
            token = keys.create(session, project, kind, now=clock()).token
        return {"Authorization": f"Bearer {token}"}

    return make


@pytest.fixture(name="admin")
def _admin(new_key: Callable[..., dict[str, str]]) -> dict[str, str]:
    """Return the header of an admin key of the project shop."""
    return new_key()
