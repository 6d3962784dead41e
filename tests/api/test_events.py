"""POST /v1/events: durable, judged one by one, and not to be confused by any body."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from abplat.app import create_app
from abplat.config import Settings
from abplat.db.models.intake import failed_events, intake
from abplat.services import keys, projects

MEBIBYTE = 1024 * 1024


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """Return the whole application over a fresh folder."""
    app = create_app(Settings(data_dir=tmp_path_factory.mktemp("data") / "abplat-data"))
    yield app
    app.extensions["abplat"].close()


@pytest.fixture(scope="module")
def tokens(app: Flask) -> dict[str, str]:
    """Return keys of the project shop, by kind."""
    platform = app.extensions["abplat"]
    now = platform.clock()
    with platform.writers.begin() as session:
        projects.create(session, {"key": "shop", "title": "Shop"}, now=now)
        return {
            kind: keys.create(session, "shop", kind, now=now).token for kind in ("client", "server", "admin")
        }


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """Return a client that sends no key by itself."""
    return app.test_client()


@pytest.fixture
def send(client: FlaskClient, tokens: dict[str, str]) -> Any:
    """Return a function that posts a body, or the JSON of a value."""

    def post(body: Any, kind: str = "server", **headers: str) -> TestResponse:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        sent = {"Authorization": f"Bearer {tokens[kind]}", "Content-Type": "application/json", **headers}
        return client.post("/v1/events", data=data, headers=sent)

    return post


def make_event(event_id: str, **over: Any) -> dict[str, Any]:
    """Make a good touchpoint, changed where a test says so."""
    common = {"kind": "touchpoint", "actor": "cust:1", "name": "visit", "ts": "2026-01-05T10:00:00Z"}
    return {**common, "id": event_id, **over}


def test_events_are_durable_when_accepted(send: Any, app: Flask) -> None:
    """Events are durable when accepted."""
    answer = send({"sent_at": "2026-01-05T10:00:01Z", "events": [make_event("d1"), make_event("d2")]})

    assert (answer.status_code, answer.json) == (202, {"accepted": 2, "duplicates": 0, "refused": []})
    with app.extensions["abplat"].engine.connect() as connection:
        stored = connection.execute(select(intake).where(intake.c.event_id.in_(["d1", "d2"]))).all()
    assert [row.project for row in stored] == ["shop", "shop"]


def test_an_id_sent_again_is_a_duplicate(send: Any) -> None:
    """An id sent again is a duplicate."""
    send({"events": [make_event("again")]})
    answer = send({"events": [make_event("again", name="other"), make_event("new"), make_event("new")]})

    assert answer.json == {"accepted": 1, "duplicates": 2, "refused": []}


def test_bad_events_stop_no_good_one(send: Any, app: Flask) -> None:
    """Bad events are answered, kept apart, and stop no good one."""
    answer = send(
        {"events": [make_event("g1"), make_event("b1", ts="2026-01-05T10:00:00"), make_event("g2")]}
    )

    assert answer.status_code == 202
    assert answer.json["accepted"] == 2
    assert [(each["index"], each["code"]) for each in answer.json["refused"]] == [(1, "naive_timestamp")]
    with app.extensions["abplat"].engine.connect() as connection:
        kept = connection.execute(select(failed_events.c.body)).scalars().all()
    assert any(json.loads(body).get("id") == "b1" for body in kept)


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_a_number_that_is_not_finite_is_refused_alone(send: Any, value: str) -> None:
    """A number that is not finite is refused alone."""
    bad = json.dumps(make_event("nf", value=0)).replace('"value": 0', f'"value": {value}')
    answer = send(f'{{"events": [{bad}, {json.dumps(make_event("beside" + value))}]}}'.encode())

    assert answer.status_code == 202
    assert (answer.json["accepted"], answer.json["refused"][0]["code"]) == (1, "not_finite")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[" * 100_000,
        b'{"a":' * 50_000,
        b"1" * 5_000,
        b'{"events": [' + b"9" * 5_000 + b"]}",
        b'{"events": [], "events": []}',
        b'{"events": [{"id": "a", "id": "b"}]}',
        b'\xef\xbb\xbf{"events": []}',
        b'{"events": ["\xff"]}',
        b'{"events": []} x',
        b"\x00",
    ],
    ids=["empty", "cut", "deep", "deep_object", "digits", "digits_inside", "twice", "twice_inside", "bom", "utf8",
         "trailing", "nul"],
)  # fmt: skip
def test_what_is_not_plain_json_is_refused(send: Any, body: bytes) -> None:
    """What is not plain JSON is refused."""
    answer = send(body)

    assert answer.status_code == 400
    assert answer.json["code"] == "bad_request"


@pytest.mark.parametrize(
    ("document", "path"),
    [
        ([], ""),
        ({}, "events"),
        ({"events": {}}, "events"),
        ({"events": []}, "events"),
        ({"events": [{}] * 501}, "events"),
        ({"events": [{}], "extra": 1}, "extra"),
        ({"events": [{}], "\ud800\0": 1}, "\\ud800\\x00"),
        ({"events": [{}], "sent_at": "2026-01-05T10:00:00"}, "sent_at"),
        ({"events": [{}], "sent_at": 5}, "sent_at"),
    ],
)
def test_a_batch_of_the_wrong_shape_is_refused_whole(send: Any, document: Any, path: str) -> None:
    """A batch of the wrong shape is refused whole."""
    answer = send(document)

    assert answer.status_code == 422
    assert answer.json["errors"][0]["path"] == path


def test_a_batch_may_hold_500_events_and_names_the_limit(send: Any) -> None:
    """A batch may hold 500 events and names the limit."""
    events = [make_event(f"many-{number}") for number in range(501)]

    assert send({"events": events[:500]}).json["accepted"] == 500
    assert "1 to 500" in send({"events": events}).json["detail"]


def test_a_body_above_a_mebibyte_is_refused(send: Any) -> None:
    """A body above a mebibyte is refused."""
    answer = send(b" " * (MEBIBYTE + 1))

    assert (answer.status_code, answer.json["code"]) == (413, "too_large")


def test_gzip_is_read(send: Any) -> None:
    """Gzip is read."""
    packed = gzip.compress(json.dumps({"events": [make_event("zipped")]}).encode())

    assert send(packed, **{"Content-Encoding": "gzip"}).json["accepted"] == 1


@pytest.mark.parametrize(
    ("packed", "encoding", "status"),
    [
        (gzip.compress(b" " * (200 * MEBIBYTE), 1), "gzip", 413),
        (b"no gzip", "gzip", 400),
        (gzip.compress(b"{}")[:-4], "gzip", 400),
        (gzip.compress(b"{}") + b"more", "gzip", 400),
        (gzip.compress(gzip.compress(b"{}")), "gzip", 400),
        (zlib.compress(b"{}"), "deflate", 415),
        (b"{}", "br", 415),
        (b"{}", "gzip, gzip", 415),
    ],
    ids=["bomb", "none", "cut", "trailing", "nested", "deflate", "br", "list"],
)
def test_odd_encodings_are_refused(send: Any, packed: bytes, encoding: str, status: int) -> None:
    """Odd encodings are refused."""
    assert send(packed, **{"Content-Encoding": encoding}).status_code == status


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer abs_0000000000000000_" + "0" * 64}])
def test_events_need_a_key(client: FlaskClient, headers: dict[str, str]) -> None:
    """Events need a key."""
    assert client.post("/v1/events", json={"events": []}, headers=headers).status_code == 401


def test_failed_events_are_shown_page_by_page(send: Any, client: FlaskClient, tokens: dict[str, str]) -> None:
    """Failed events are shown page by page."""
    send({"events": [{"kind": "first"}, {"kind": "second"}, {"kind": "third"}]})
    headers = {"Authorization": f"Bearer {tokens['admin']}"}
    page = client.get("/v1/failed-events?limit=2", headers=headers).json
    following = client.get(f"/v1/failed-events?limit=1&before={page['next']}", headers=headers).json

    bodies = [json.loads(item["body"])["kind"] for item in page["items"] + following["items"]]
    assert bodies == ["third", "second", "first"]
    assert {item["code"] for item in page["items"]} == {"unknown_kind"}


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=501", "limit=x", "before=0", "before=99999999999999999999", "x=1"]
)
def test_failed_events_refuse_odd_queries(client: FlaskClient, tokens: dict[str, str], query: str) -> None:
    """Failed events refuse odd queries."""
    headers = {"Authorization": f"Bearer {tokens['server']}"}

    assert client.get(f"/v1/failed-events?{query}", headers=headers).status_code == 422


def test_a_client_key_sees_no_failed_events(client: FlaskClient, tokens: dict[str, str]) -> None:
    """A client key sees no failed events."""
    headers = {"Authorization": f"Bearer {tokens['client']}"}

    assert client.get("/v1/failed-events", headers=headers).status_code == 403
