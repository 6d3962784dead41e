"""Keys are exchanged without a lost call, and never shown twice."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from abplat.api import auth
from tests.conftest import FakeClock

Headers = dict[str, str]


@pytest.fixture(autouse=True)
def _no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask the database with every call."""
    monkeypatch.setattr(auth, "REMEMBERED_S", 0.0)


def selector_of(headers: Headers) -> str:
    """Return what names a key."""
    return headers["Authorization"].split("_")[1]


def listed(client: FlaskClient, admin: Headers) -> dict[str, Any]:
    """Return the keys of the project by selector."""
    return {each["selector"]: each for each in client.get("/v1/keys", headers=admin).json["items"]}


def can_decide(client: FlaskClient, headers: Headers) -> bool:
    """Tell whether a key is good."""
    answer = client.post("/v1/decide", json={"unit": "anon:1"}, headers=headers)
    assert answer.status_code in {200, 401}
    return bool(answer.status_code == 200)


def test_an_exchanged_key_ends_after_its_grace(
    client: FlaskClient, admin: Headers, new_key: Any, clock: FakeClock
) -> None:
    """Both are good until then."""
    old = new_key("server")
    url = f"/v1/keys/{selector_of(old)}"
    made = client.post(f"{url}/rotate", json={"grace": "2h"}, headers=admin)
    new = {"Authorization": f"Bearer {made.json['token']}"}

    assert (made.status_code, made.json["kind"], made.json["state"]) == (201, "server", "active")
    assert can_decide(client, old)
    assert can_decide(client, new)
    assert listed(client, admin)[selector_of(old)]["state"] == "ending"
    assert client.post(f"{url}/rotate", headers=admin).status_code == 409
    clock.advance(hours=2)
    assert not can_decide(client, old)
    assert can_decide(client, new)
    assert listed(client, admin)[selector_of(old)]["state"] == "revoked"


def test_a_key_in_its_grace_can_be_revoked(client: FlaskClient, admin: Headers, new_key: Any) -> None:
    """When it has leaked there is no time to lose."""
    old = new_key("server")
    url = f"/v1/keys/{selector_of(old)}"
    client.post(f"{url}/rotate", json={"grace": "7d"}, headers=admin)

    assert client.post(f"{url}/revoke", headers=admin).json["state"] == "revoked"
    assert not can_decide(client, old)


def test_keys_are_listed_with_their_last_use(client: FlaskClient, admin: Headers) -> None:
    """And without anything that could be used."""
    made = client.post("/v1/keys", json={"kind": "client"}, headers=admin).json
    assert listed(client, admin)[made["selector"]]["last_used_at"] is None
    assert can_decide(client, {"X-API-Key": made["token"]})
    found = listed(client, admin)[made["selector"]]

    assert found["last_used_at"] is not None
    assert set(found) == {"selector", "kind", "state", "created_at", "last_used_at", "revoked_at"}


@pytest.mark.parametrize("grace", ["91d", "soon", "-1d", 7])
def test_a_bad_grace_is_refused(client: FlaskClient, admin: Headers, new_key: Any, grace: Any) -> None:
    """An exchange has to come to its end."""
    url = f"/v1/keys/{selector_of(new_key('server'))}/rotate"

    assert client.post(url, json={"grace": grace}, headers=admin).status_code == 422


def test_other_projects_keys_do_not_exist(client: FlaskClient, admin: Headers, new_key: Any) -> None:
    """Neither are they listed."""
    other = selector_of(new_key("admin", "other"))

    assert other not in listed(client, admin)
    for verb in ("rotate", "revoke"):
        assert client.post(f"/v1/keys/{other}/{verb}", headers=admin).status_code == 404
