"""Decisions and the configuration document over HTTP."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from abplat_sdk import compile_config
from flask import Flask
from flask.testing import FlaskClient

from abplat.app import create_app
from abplat.config import Settings
from abplat.services import catalogue, experiments, keys
from abplat.services.experiments import Moment

NOW = datetime(2024, 3, 4, tzinfo=UTC)
CATALOGUE: dict[str, Any] = {
    "project": {"key": "shop", "title": "Shop"},
    "channels": [{"key": "web", "title": "Web"}],
    "journeys": [
        {
            "key": "buy",
            "title": "Buy",
            "owner": "Ada",
            "stages": [
                {"key": "visit", "title": "Visit", "match": [{"event": "visit"}]},
                {"key": "purchase", "title": "Purchase", "match": [{"event": "purchase"}]},
            ],
            "window": "7d",
            "inactivity": "2d",
        }
    ],
    "metrics": [
        {
            "key": "done",
            "title": "Done",
            "owner": "Ada",
            "kind": "completion",
            "journey": "buy",
            "direction": "up",
        }
    ],
    "experiments": [
        {
            "key": "form",
            "title": "Form",
            "owner": "Ada",
            "hypothesis": "A shorter form helps.",
            "journey": "buy",
            "unit_type": "cust",
            "variants": [
                {"key": "control", "title": "Old", "weight": 5000, "payloads": {"web": {"fields": 9}}},
                {"key": "treatment", "title": "New", "weight": 5000, "payloads": {"web": {"fields": 3}}},
            ],
            "overrides": {"cust:qa": "treatment", **{f"cust:qa{n}": "control" for n in range(20)}},
            "metrics": [{"metric": "done", "role": "primary"}],
            "horizon": "7d",
        }
    ],
}


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


def make_key(app: Flask, kind: str) -> dict[str, str]:
    """Make a key and the header that carries it."""
    with app.extensions["abplat"].writers() as session:
        made = keys.create(session, "shop", kind, now=NOW)
        session.commit()
    return {"Authorization": f"Bearer {made.token}"}


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A caller without a server."""
    return app.test_client()


def test_decide_answers_as_the_sdk(app: Flask, client: FlaskClient) -> None:
    """The decision over HTTP is the one made from the document."""
    server = make_key(app, "server")
    evaluator = compile_config(client.get("/sdk/v1/config", headers=server).get_json())
    for unit in ("cust:1", "cust:2", "cust:qa", "a\x00b", 7):
        answer = client.post(
            "/v1/decide", json={"unit": unit, "channel": "web"}, headers=make_key(app, "client")
        )

        assert answer.status_code == 200, answer.text
        assert (
            answer.get_json()["decisions"]["form"] == evaluator.decide("form", unit, channel="web")._asdict()
        )
        assert answer.headers["Cache-Control"] == "no-store"


def test_decide_names_unknown_experiments(app: Flask, client: FlaskClient) -> None:
    """Only what is asked for is answered, the unknown as unknown."""
    answer = client.post(
        "/v1/decide", json={"unit": "cust:1", "keys": ["no"]}, headers=make_key(app, "client")
    )

    assert {key: made["reason"] for key, made in answer.get_json()["decisions"].items()} == {
        "no": "unknown_experiment"
    }


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"[]", 422),
        (b"{}", 422),
        (b'{"unit":""}', 422),
        (b'{"unit":"\\ud800"}', 400),
        (b"[" * 9_999, 400),
        (b'"' + b"x" * 1_100_000 + b'"', 413),
    ],
    ids=lambda value: str(value)[:20],
)
def test_bad_bodies_get_a_problem(body: bytes, status: int, app: Flask, client: FlaskClient) -> None:
    """No 500, and always the one shape of errors."""
    headers = {**make_key(app, "client"), "Content-Type": "application/json"}
    answer = client.post("/v1/decide", data=body, headers=headers)

    assert answer.status_code == status
    assert answer.mimetype == "application/problem+json"


@pytest.mark.parametrize("path", ["/v1/decide", "/sdk/v1/config"])
def test_a_key_is_needed(path: str, client: FlaskClient) -> None:
    """Without one nothing is told."""
    answer = client.post(path, json={"unit": "cust:1"}) if path == "/v1/decide" else client.get(path)
    assert answer.status_code == 401


def test_the_document_is_sent_once(app: Flask, client: FlaskClient) -> None:
    """Strong tag, 304, gzip where it is understood; a weakened tag still counts."""
    headers = make_key(app, "server")
    plain = client.get("/sdk/v1/config", headers={**headers, "Accept-Encoding": "identity"})
    packed = client.get("/sdk/v1/config", headers={**headers, "Accept-Encoding": "gzip"})

    assert packed.headers["Content-Encoding"] == "gzip"
    assert json.loads(gzip.decompress(packed.data)) == plain.get_json()
    assert len({plain.headers["ETag"], packed.headers["ETag"]}) == 2
    for tag in (plain.headers["ETag"], packed.headers["ETag"], f"W/{packed.headers['ETag']}"):
        again = client.get("/sdk/v1/config", headers={**headers, "If-None-Match": tag})
        assert (again.status_code, again.data) == (304, b"")
        assert again.headers["ETag"] == tag.removeprefix("W/")
    assert client.get("/sdk/v1/config", headers={**headers, "If-None-Match": '"x"'}).status_code == 200


def test_a_client_key_sees_no_identifiers(app: Flask, client: FlaskClient) -> None:
    """Whoever reads a browser's traffic does not learn who is listed; decisions are the same."""
    whole = client.get("/sdk/v1/config", headers=make_key(app, "server"))
    public = client.get("/sdk/v1/config", headers=make_key(app, "client"))

    assert "cust:qa" in whole.text
    assert "cust:qa" not in public.text
    assert whole.headers["ETag"] != public.headers["ETag"]
    assert compile_config(public.get_json()).decide("form", "cust:qa").reason == "override"
