"""What pages of other origins may do: only what the setting lists, only where a client key is enough."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from abplat.api.cors import ROUTES, parse_origins
from abplat.app import create_app
from abplat.config import Settings
from abplat.errors import InvalidInputError
from abplat.services import keys, projects

SHOP = "https://shop.example"
EVENT = {"kind": "touchpoint", "id": "1", "actor": "cust:7", "name": "visit", "ts": "2026-01-05T10:00:00Z"}


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """Return an app that two origins may use."""
    folder = tmp_path_factory.mktemp("data") / "abplat-data"
    app = create_app(Settings(data_dir=folder, allowed_origins=f"{SHOP}, http://localhost:3000"))
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
    """Return a client without a key."""
    return app.test_client()


def ask_leave(client: FlaskClient, path: str, origin: str = SHOP) -> Any:
    """Ask what a browser asks before the request proper."""
    wanted = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
    return client.options(path, headers={"Origin": origin, **wanted})


@pytest.mark.parametrize("path", [*sorted(ROUTES), "/ofrep/v1/evaluate/flags"])
def test_a_listed_origin_gets_leave(client: FlaskClient, path: str) -> None:
    """With the headers that the SDKs send, for ten minutes, and never with credentials."""
    answer = ask_leave(client, path)

    assert answer.status_code == 204
    assert answer.headers["Access-Control-Allow-Origin"] == SHOP
    assert "authorization" in answer.headers["Access-Control-Allow-Headers"]
    assert answer.headers["Access-Control-Max-Age"] == "600"
    assert "Access-Control-Allow-Credentials" not in answer.headers
    assert "Origin" in answer.headers["Vary"]


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "https://shop.example.evil", "http://shop.example", SHOP + "/"]
)
def test_other_origins_get_none(client: FlaskClient, origin: str) -> None:
    """The opaque origin and near misses included; caches are told that the answer depends on it."""
    asked = ask_leave(client, "/v1/events", origin)
    sent = client.post("/v1/events", headers={"Origin": origin}, data=b"{}")

    for answer in (asked, sent):
        assert "Access-Control-Allow-Origin" not in answer.headers
        assert "Origin" in answer.headers["Vary"]


@pytest.mark.parametrize("path", ["/v1/experiments", "/v1/context", "/v1/failed-events", "/v1/projects", "/"])
def test_other_routes_are_for_no_page(client: FlaskClient, path: str) -> None:
    """Definitions, reports and customers are for servers."""
    assert "Access-Control-Allow-Origin" not in ask_leave(client, path).headers
    assert "Access-Control-Allow-Origin" not in client.get(path, headers={"Origin": SHOP}).headers


def test_errors_can_be_read_too(client: FlaskClient) -> None:
    """A page that has no key is told so."""
    answer = client.post("/v1/events", headers={"Origin": SHOP}, data=b"{}")

    assert answer.status_code == 401
    assert answer.headers["Access-Control-Allow-Origin"] == SHOP
    assert "Retry-After" in answer.headers["Access-Control-Expose-Headers"]


@pytest.mark.parametrize(
    "text", ["shop.example", "https://shop.example/", "https://shop.example/a", "null", "https://*.example"]
)
def test_what_is_no_origin_is_named_at_the_start(text: str, tmp_path: Path) -> None:
    """A slip in the setting would otherwise only show in a browser."""
    with pytest.raises(InvalidInputError, match="is no origin"):
        create_app(Settings(data_dir=tmp_path / "data", allowed_origins=text))


def test_any_origin_can_be_allowed() -> None:
    """A star stands for all of them."""
    assert parse_origins("*") == {"*"}
    assert parse_origins("") == frozenset()


def send(client: FlaskClient, token: str, path: str = "/v1/events", **event: Any) -> Any:
    """Send as a beacon does: a text, and the key in the address."""
    body = {"events": [{**EVENT, **event}]} if path == "/v1/events" else {"unit": "cust:7"}
    return client.post(f"{path}?key={token}", data=json.dumps(body), content_type="text/plain;charset=UTF-8")


@pytest.mark.parametrize("path", ["/v1/events", "/v1/decide"])
def test_a_client_key_may_stand_in_the_address(
    client: FlaskClient, tokens: dict[str, str], path: str
) -> None:
    """A beacon has no headers."""
    assert send(client, tokens["client"], path).status_code in (200, 202)


@pytest.mark.parametrize("kind", ["server", "admin"])
def test_other_keys_may_not(client: FlaskClient, tokens: dict[str, str], kind: str) -> None:
    """Good ones sound like any other, and are not repeated in the answer."""
    answer = send(client, tokens[kind])

    assert answer.status_code == 401
    assert tokens[kind] not in answer.text
    assert "client key" in answer.json["detail"]


def test_a_page_identifies_without_asking_leave(client: FlaskClient, tokens: dict[str, str]) -> None:
    """As a text and with the key in the address; a token still has to say who it is."""
    said = json.dumps({"anonymous": "anon:1", "identity_token": "abi1.x.y"})
    for kind, status in (("client", 422), ("server", 401)):
        url = f"/v1/identify?key={tokens[kind]}"
        assert client.post(url, data=said, content_type="text/plain").status_code == status


def test_two_keys_that_differ_are_refused(client: FlaskClient, tokens: dict[str, str]) -> None:
    """Whose project is it? Nobody guesses."""
    url = f"/v1/events?key={tokens['client']}"
    other = tokens["client"].replace("abc_", "abc_0", 1)

    assert client.post(f"{url}&key={other}", data=b"{}").status_code == 401
    assert client.post(url, headers={"X-API-Key": tokens["server"]}, data=b"{}").status_code == 401


@pytest.mark.parametrize("path", ["/sdk/v1/config", "/v1/context?unit=cust:7", "/v1/experiments"])
def test_elsewhere_a_key_in_the_address_is_none(
    client: FlaskClient, tokens: dict[str, str], path: str
) -> None:
    """Only what pages send without headers takes it."""
    joint = "&" if "?" in path else "?"

    assert client.get(f"{path}{joint}key={tokens['client']}").status_code == 401


def test_plain_text_is_json_where_pages_send_it_alone(client: FlaskClient, new_admin: dict[str, str]) -> None:
    """A form on a foreign page cannot create a definition."""
    answer = client.post("/v1/layers", headers=new_admin, data=b"{}", content_type="text/plain")

    assert answer.status_code == 415


@pytest.fixture
def new_admin(tokens: dict[str, str]) -> dict[str, str]:
    """Return the header of the admin key."""
    return {"Authorization": f"Bearer {tokens['admin']}"}
