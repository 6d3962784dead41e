"""Definitions over HTTP: one shape of errors, ETags, pages, keys by kind and project."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from flask import Flask
from flask.testing import FlaskClient

from abplat.api.errors import CONTENT_TYPE
from tests.conftest import make_catalogue, make_experiment

Headers = dict[str, str]
NEEDED = (
    *("channels", "touchpoints", "journeys", "metrics", "layers", "holdouts", "segments", "personas"),
    *("templates", "experiments"),
)


NEEDED_BODIES = {
    "standing": {"status": "certified"},
    "simulate": {"changes": {"included": 5000}},
    "phases": {"reason": "more", "included": 6000},
    "approve": {"step": 0},
    "conclude": {"outcome": "won"},
    "approvals": {"action": "start"},
    "comments": {"body": "hello"},
}


@pytest.fixture(name="shop")
def _shop(client: FlaskClient, admin: Headers) -> Headers:
    """Create one of every noun over HTTP and return the key."""
    for noun in NEEDED:
        for document in make_catalogue()[noun]:
            created = client.post(f"/v1/{noun}", json=document, headers=admin)
            assert created.status_code == 201, created.text
    return admin


def test_an_experiment_from_draft_to_stopped(client: FlaskClient, shop: Headers) -> None:
    """The life of an experiment over HTTP."""
    url = "/v1/experiments/shorter-form"
    assert client.get(url, headers=shop).json["state"] == "draft"
    started = client.post(f"{url}/start", headers=shop)
    assert (started.status_code, started.json["state"]) == (200, "running")
    again = client.post(f"{url}/start", headers=shop)
    assert (again.status_code, again.json["code"]) == (409, "illegal_transition")
    assert client.post(f"{url}/analyse", headers=shop).status_code == 202

    assert client.post(f"{url}/stop", headers=shop).json["state"] == "stopped"
    assert client.get(f"{url}/report", headers=shop).json["code"] == "not_found"
    assert client.get(f"{url}/report.csv", headers=shop).status_code == 404


def test_an_experiment_that_ran_elsewhere_names_its_instants(client: FlaskClient, shop: Headers) -> None:
    """Start and stop lie in the past and in this order."""
    url = "/v1/experiments/shorter-form"
    future = client.post(f"{url}/start", headers=shop, json={"at": "2999-01-01T00:00:00Z"})
    naive = client.post(f"{url}/start", headers=shop, json={"at": "2024-01-01T00:00:00"})
    started = client.post(f"{url}/start", headers=shop, json={"at": "2024-01-08T00:00:00Z"})
    before = client.post(f"{url}/stop", headers=shop, json={"at": "2024-01-01T00:00:00Z"})
    stopped = client.post(f"{url}/stop", headers=shop, json={"at": "2024-01-15T00:00:00Z"})

    assert [answer.status_code for answer in (future, naive, started, before, stopped)] == [
        422,
        422,
        200,
        422,
        200,
    ]
    assert future.json["errors"][0]["path"] == naive.json["errors"][0]["path"] == "at"
    assert started.json["started_at"].startswith("2024-01-08")
    assert stopped.json["stopped_at"].startswith("2024-01-15")


def test_every_fault_is_listed_with_its_path(client: FlaskClient, shop: Headers) -> None:
    """One answer names all that has to be mended."""
    document = make_experiment(key="e", owner=None, horizon="soon", approved=True, metrics=[])
    answer = client.post("/v1/experiments", json=document, headers=shop)

    assert (answer.status_code, answer.mimetype) == (422, CONTENT_TYPE)
    assert {"owner", "horizon", "approved", "metrics"} <= {error["path"] for error in answer.json["errors"]}
    assert set(answer.json) == {"type", "title", "status", "detail", "code", "errors", "request_id"}


def test_a_reference_fault_has_the_path_of_the_body(client: FlaskClient, shop: Headers) -> None:
    """A touchpoint metric as primary is refused at its place in the body."""
    document = make_experiment(key="e", metrics=[{"metric": "clicks", "role": "primary"}])
    answer = client.post("/v1/experiments", json=document, headers=shop)

    assert [(error["path"], error["code"]) for error in answer.json["errors"]] == [
        ("metrics[0].role", "primary_not_of_journey")
    ]
    assert client.get("/v1/experiments/e", headers=shop).status_code == 404


@pytest.mark.parametrize("noun", NEEDED)
@pytest.mark.parametrize(
    "name", ["project", "id", "salt", "state", "approved", "revision", "version_id", "archived_at"]
)
def test_no_field_of_the_server_can_be_sent(client: FlaskClient, shop: Headers, noun: str, name: str) -> None:
    """Mass assignment is refused on create and change (A11)."""
    document = {**make_catalogue()[noun][0], "key": "other"}
    for answer in (
        client.post(f"/v1/{noun}", json=document | {name: "x"}, headers=shop),
        client.patch(
            f"/v1/{noun}/{make_catalogue()[noun][0]['key']}",
            json={name: "x"},
            headers={**shop, "If-Match": "*"},
        ),
    ):
        assert (answer.status_code, answer.json["errors"][0]["code"]) == (422, "unknown_field"), answer.text


def test_a_change_needs_the_tag_that_was_read(client: FlaskClient, shop: Headers) -> None:
    """Without it 428, with an old one 412, with a foreign one 412."""
    url = "/v1/channels/web"
    tag = client.get(url, headers=shop).headers["ETag"]
    change = {"title": "Site"}

    assert client.patch(url, json=change, headers=shop).status_code == 428
    assert client.patch(url, json=change, headers={**shop, "If-Match": tag}).headers["ETag"] == '"2"'
    assert client.patch(url, json=change, headers={**shop, "If-Match": tag}).status_code == 412
    assert client.patch(url, json=change, headers={**shop, "If-Match": '"abc"'}).status_code == 412


def test_pages_and_cursors(client: FlaskClient, shop: Headers) -> None:
    """A list is walked by its cursor; a made-up one is refused."""
    first = client.get("/v1/metrics?limit=1", headers=shop).json
    second = client.get(f"/v1/metrics?limit=1&cursor={first['next_cursor']}", headers=shop).json

    assert [item["key"] for item in first["items"] + second["items"]] == ["clicks", "completed"]
    assert second["next_cursor"] is None
    for query in ("limit=0", "limit=201", "limit=x", "cursor=!!", "cursor=AAAA", "sort=key", "limit=1%00"):
        assert client.get(f"/v1/metrics?{query}", headers=shop).status_code == 422, query


def test_a_wrong_method_names_the_right_ones(client: FlaskClient, admin: Headers) -> None:
    """405 carries Allow; an unknown path is a JSON 404."""
    answer = client.delete("/v1/channels", headers=admin)

    assert (answer.status_code, answer.mimetype) == (405, CONTENT_TYPE)
    assert "POST" in answer.headers["Allow"]
    assert client.get("/v1/nothing").json["code"] == "not_found"


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"[" * 100_000, "application/json", 400),
        (b"[" * 900 + b"]" * 900, "application/json", 422),
        (b'{"key": ' + b"1" * 5_000 + b"}", "application/json", 400),
        (b'{"key": 1e999}', "application/json", 400),
        (b'{"key": NaN}', "application/json", 400),
        (b'{"key": "\\ud800"}', "application/json", 400),
        (b'{"key": "a\\u0000b"}', "application/json", 422),
        (b'{"key": "a\\u0000b", "x": [{"y": "\\\\u0000"}]}', "application/json", 422),
        (b'{"key": "\xff"}', "application/json", 400),
        (b"\xef\xbb\xbf{}", "application/json", 400),
        (b"{} x", "application/json", 400),
        (b"", "application/json", 400),
        (b"null", "application/json", 422),
        (b'"text"', "application/json", 422),
        (b"{}", "text/plain", 415),
        (b"{}", "application/x-www-form-urlencoded", 415),
        (b"x" * (4 * 1024 * 1024 + 1), "application/json", 413),
    ],
    ids=lambda value: repr(value)[:24] if isinstance(value, bytes) else None,
)
@pytest.mark.parametrize("noun", ["channels", "journeys", "experiments", "projects"])
def test_hostile_bodies_are_refused(
    client: FlaskClient, shop: Headers, noun: str, body: bytes, content_type: str, status: int
) -> None:
    """Whatever is sent, the answer is a clean problem and never a 500 (H1, H3)."""
    answer = client.post(f"/v1/{noun}", data=body, headers=shop, content_type=content_type)
    allowed = {status, 403} if noun == "projects" else {status}

    assert answer.status_code in allowed, answer.text
    assert answer.mimetype == CONTENT_TYPE


HOSTILE_VALUES: list[Any] = [
    None, True, 0, -1, 1.5, 2**53, 1e308, "", " ", "x" * 100_000, "'; DROP TABLE channels; --", '" OR 1=1', "${7*7}",
    "{{7*7}}", "=cmd()", "<script>alert(1)</script>", "__proto__", "\u202e", "😀" * 300, "../../etc/passwd", [], {},
    [[]], [None], [{}], {"a": None}, {"": ""}, {"__proto__": {"x": 1}}, [1] * 10_001, {"all": [{"all": [{"any": []}]}]},
]  # fmt: skip


@pytest.mark.parametrize("noun", NEEDED)
def test_hostile_values_in_every_field(client: FlaskClient, shop: Headers, noun: str) -> None:
    """Every field of every noun gets every odd value: stored as it is, or refused, never a 500 (H4 to H7, H10)."""
    good = make_catalogue()[noun][0]
    names = client.get(f"/v1/{noun}/{good['key']}", headers=shop).json
    for name in names:
        for value in HOSTILE_VALUES:
            changed = client.patch(
                f"/v1/{noun}/{good['key']}",
                data=orjson.dumps({name: value}),
                headers={**shop, "If-Match": "*", "Content-Type": "application/json"},
            )

            assert changed.status_code in {200, 409, 422}, (name, value, changed.text)


@pytest.mark.parametrize(
    "key", ["%00", "a%2Fb", "..%2f", "'; --", "😀", "%ff", "x" * 5_000, "{{7*7}}", "a%0d%0aSet-Cookie:x"]
)
@pytest.mark.parametrize("noun", NEEDED)
def test_hostile_keys_in_paths(client: FlaskClient, admin: Headers, noun: str, key: str) -> None:
    """A key that cannot exist is not found, and nothing of it reaches a header (H6, H9)."""
    answer = client.get(f"/v1/{noun}/{key}", headers=admin)

    assert answer.status_code in {400, 404}, answer.text
    assert "Set-Cookie" not in answer.headers


def _calls(app: Flask) -> list[tuple[str, str]]:
    """Return method and URL of every route of the API, generated from the URL map."""
    found = []
    for rule in app.url_map.iter_rules():
        if not rule.rule.startswith("/v1/"):
            continue
        url = re.sub(r"<any\(.*?\):suffix>", ".csv", rule.rule).replace("<key>", "KEY")
        url = re.sub(r"<(\w+:)?\w+>", "7", url)
        found += [(method, url) for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})]
    return found


def test_every_route_wants_a_key(app: Flask, client: FlaskClient) -> None:
    """No key, half a key, an unknown key and a revoked one: 401 everywhere (A2)."""
    unknown = "abt_" + "0" * 16 + "_" + "0" * 64
    for method, url in _calls(app):
        for headers in (
            {},
            {"Authorization": "Bearer abt_"},
            {"X-API-Key": unknown},
            {"Authorization": "Basic eA=="},
        ):
            answer = client.open(url.replace("KEY", "x"), method=method, headers=headers)

            assert (answer.status_code, answer.mimetype) == (401, CONTENT_TYPE), (method, url)
            assert unknown not in answer.text


def test_a_client_key_opens_nothing_of_the_admin(
    app: Flask, client: FlaskClient, new_key: Callable[..., Headers]
) -> None:
    """Definitions need an admin key; the answer names the kind that is needed (A2)."""
    for kind in ("client", "server"):
        headers = new_key(kind)
        for method, url in _calls(app):
            if url.split("/")[2] not in NEEDED:
                continue
            answer = client.open(url.replace("KEY", "x"), method=method, headers=headers)

            assert answer.status_code == 403, (method, url)
            assert "admin" in answer.json["detail"]


def test_the_objects_of_another_project_are_not_there(
    app: Flask, client: FlaskClient, shop: Headers, new_key: Callable[..., Headers]
) -> None:
    """Every route answers another project's key as it answers an unknown one (A1)."""
    other = new_key(project="other")
    keys = {noun: make_catalogue()[noun][0]["key"] for noun in NEEDED} | {"projects": "shop"}
    for method, url in _calls(app):
        noun = url.split("/")[2]
        if "KEY" not in url or noun not in keys:
            continue
        send = {"method": method, "headers": {**other, "If-Match": "*"}}
        if method == "PATCH":
            send["json"] = {"title": "Mine now"}
        # What a call cannot do without is judged before the key, alike for everybody.
        if url.endswith("/why"):
            send["query_string"] = {"unit": "cust:1"}
        if method in ("POST", "PUT"):
            send["json"] = NEEDED_BODIES.get(url.rpartition("/")[2])
        theirs = client.open(url.replace("KEY", keys[noun]), **send)
        nobodys = client.open(url.replace("KEY", "unknown"), **send)

        assert (theirs.status_code, nobodys.status_code) == (404, 404), (method, url)
        assert theirs.json["detail"].replace(keys[noun], "") == nobodys.json["detail"].replace("unknown", "")
    for noun in NEEDED:
        assert client.get(f"/v1/{noun}", headers=other).json["items"] == []


def test_a_revoked_key_is_refused(app: Flask, client: FlaskClient, admin: Headers) -> None:
    """A key that was revoked before its next use is of no use."""
    from abplat.services import keys

    platform = app.extensions["abplat"]
    with platform.writers.begin() as session:
        keys.revoke(session, keys.list_(session, "shop")[0].selector, now=platform.clock())

    assert client.get("/v1/channels", headers=admin).status_code == 401


def test_no_secret_is_stored(app: Flask, admin: Headers) -> None:
    """A dump of the table of keys holds nothing usable (A3)."""
    from abplat.services import keys

    token = admin["Authorization"].removeprefix("Bearer ")
    with app.extensions["abplat"].sessions() as session:
        (key,) = keys.list_(session, "shop")

    assert token.rpartition("_")[2] not in {key.selector, key.secret_hash}


def test_only_the_first_project_creates_others(client: FlaskClient, new_key: Callable[..., Headers]) -> None:
    """The new project's admin key is in the answer, once."""
    document = {"key": "fresh", "title": "Fresh"}
    assert client.post("/v1/projects", json=document, headers=new_key()).status_code == 403
    created = client.post("/v1/projects", json=document, headers=new_key(project="main"))

    fresh = {"X-API-Key": created.json["admin_key"]}
    assert client.get("/v1/projects", headers=fresh).json["items"][0]["key"] == "fresh"
    assert "admin_key" not in client.get("/v1/projects/fresh", headers=fresh).json


def test_identify_and_context(client: FlaskClient, shop: Headers, new_key: Callable[..., Headers]) -> None:
    """A log-in keeps the variant; an agent sees it; a second call is the same fact."""
    server = new_key("server")
    assert client.post("/v1/experiments/shorter-form/start", headers=shop).status_code == 200
    said = {"anonymous": "anon:w1", "known": "cust:7", "ts": "2026-03-04T09:00:00Z"}
    said |= {"assignments": {"shorter-form": "treatment"}}
    for _ in range(2):
        answer = client.post("/v1/identify", json=said, headers=server)
        assert answer.json == {
            "unit": "cust:7", "pins": {"shorter-form": "treatment"}, "shared": False, "conflicts": [],
            "outcome": "joined",
        }  # fmt: skip

    context = client.get("/v1/context?unit=cust:7", headers=server).json
    assert context["joined"] == ["anon:w1"]
    assert context["assignments"][0]["assigned_at"] == "2026-03-04T09:00:00+00:00"
    assert client.get("/v1/context?unit=7", headers=server).status_code == 422
    wrong = {"assignments": {"shorter-form": "nope"}}
    assert client.post("/v1/identify", json=said | wrong, headers=server).status_code == 422


def test_health(client: FlaskClient) -> None:
    """The process lives and the database answers."""
    assert client.get("/healthz").json["status"] == "ok"
    assert client.get("/readyz").json == {"status": "ready"}


def test_an_unexpected_fault_hides_its_text(app: Flask, caplog: pytest.LogCaptureFixture) -> None:
    """The log has the text, the caller the number."""
    app.add_url_rule("/v1/boom", view_func=lambda: 1 / 0)
    answer = app.test_client().get("/v1/boom")

    assert (answer.status_code, answer.json["code"]) == (500, "internal")
    assert "division" not in answer.text
    assert answer.json["request_id"] in caplog.text
