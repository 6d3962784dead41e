"""The real SDK against the real application over a real socket."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from abplat_sdk import Client
from flask import Flask
from werkzeug.serving import make_server

from abplat.app import create_app
from abplat.config import Settings
from abplat.services import catalogue, experiments, keys
from abplat.services.experiments import Moment
from tests.api.test_decide import CATALOGUE

NOW = datetime(2024, 3, 4, tzinfo=UTC)


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    """A platform with one experiment running."""
    app = create_app(Settings(data_dir=tmp_path / "data"), lambda: NOW)
    with app.extensions["abplat"].writers() as session:
        catalogue.apply(session, CATALOGUE, now=NOW)
        experiments.start(session, "shop", "form", Moment(NOW))
        session.commit()
    yield app
    app.extensions["abplat"].close()


@pytest.fixture
def address(app: Flask) -> Iterator[str]:
    """The platform, listening."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def make_key(app: Flask) -> str:
    """Make a server key."""
    with app.extensions["abplat"].writers() as session:
        made = keys.create(session, "shop", "server", now=NOW)
        session.commit()
    return str(made.token)


def test_a_customer_is_decided_recorded_and_identified(app: Flask, address: str) -> None:
    """Everything the SDK sends is taken, and the variant seen before the log-in stays on every device."""
    key = make_key(app)
    first, second = Client(address, key, poll_seconds=0), Client(address, key, poll_seconds=0)
    assert first.refresh()
    assert second.refresh()
    anonymous = first.decide("form", "anon:w1")
    known = next(
        f"cust:{n}" for n in range(1, 99) if first.decide("form", f"cust:{n}").variant != anonymous.variant
    )
    first.expose(anonymous, channel="web", ts=NOW)
    first.track("visit", "anon:w1", value=1.5, properties={"a": [1]}, channel="web", ts=NOW)

    assert first.identify("anon:w1", known, ts=NOW, wait=5)
    assert second.identify("anon:w2", known, ts=NOW, wait=5)
    assert first.decide("form", known).variant == anonymous.variant
    assert second.decide("form", known).variant == anonymous.variant
    context = first.context(known, timeout=5)
    assert context is not None
    assert context["assignments"][0]["variant"] == anonymous.variant
    assert (first.close(5), second.close(5)) == (0, 0)
    assert first.stats().refused == second.stats().refused == 0
    assert first.stats().accepted == 2
