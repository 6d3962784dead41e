"""The door: first run, signing in and out, sessions, forms, and who must wait."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text

from abplat.app import create_app
from abplat.config import Settings
from abplat.errors import InvalidInputError
from abplat.services import links
from tests.conftest import FakeClock
from tests.web.people_app import PASSWORD, add_person, email_of, send, sign_in

HOSTILE = "<script>alert(1)</script>{{7*7}}\u202e"


@pytest.fixture(name="app")
def _app(settings: Settings, clock: FakeClock) -> Iterator[Flask]:
    """Return an application in which people sign in."""
    app = create_app(replace(settings, sign_in="required"), clock)
    yield app
    app.extensions["abplat"].close()


def cookie_of(client: FlaskClient) -> str:
    """Return the session that a browser holds."""
    cookie = client.get_cookie("abplat_session")
    return cookie.value if cookie else ""


def first_link(app: Flask, clock: FakeClock) -> str:
    """Make the link of the first start."""
    with app.extensions["abplat"].writers.begin() as session:
        return links.make_first(session, now=clock()) or ""


def test_pages_send_strangers_to_the_door(app: Flask) -> None:
    """With the way back; a form is not sent on."""
    answer = app.test_client().get("/projects/shop/experiments/x?a=1")

    assert answer.status_code == 303
    assert answer.headers["Location"] == "/sign-in?next=/projects/shop/experiments/x%3Fa%3D1"


def test_the_first_administrator_comes_by_a_link_once(app: Flask, clock: FakeClock) -> None:
    """No default password: the link makes them, and works once."""
    token = first_link(app, clock)
    client = app.test_client()
    path = f"/welcome/{token}"
    fields = {"email": "Ada@example.com", "name": HOSTILE, "password": PASSWORD}
    answer = send(client, path, page=path, **fields)

    assert answer.status_code == 303
    assert "&lt;script&gt;" in client.get("/").get_data(as_text=True)
    assert app.test_client().get(path).status_code == 404
    assert first_link(app, clock) == ""


def test_a_link_expires_and_its_secret_is_not_stored(app: Flask, clock: FakeClock) -> None:
    """Only a hash lies in the database; a second one takes the first out of use."""
    old, token = first_link(app, clock), first_link(app, clock)
    with app.extensions["abplat"].sessions() as session:
        stored = str(session.execute(text("SELECT * FROM one_time_links")).all())
    client = app.test_client()

    assert token not in stored
    assert client.get(f"/welcome/{old}").status_code == 404
    assert client.get(f"/welcome/{token}").status_code == 200
    clock.advance(hours=25)
    assert client.get(f"/welcome/{token}").status_code == 404


@pytest.mark.parametrize("password", ["short", "aaaaaaaaaaaaaaa", "ada@example.com1", "x" * 201])
def test_a_weak_password_is_refused_beside_its_field(app: Flask, clock: FakeClock, password: str) -> None:
    """And the link stays good, what was typed stays typed."""
    path = f"/welcome/{first_link(app, clock)}"
    fields = {"email": email_of("ada"), "name": "Ada", "password": password}
    answer = send(app.test_client(), path, page=path, **fields)
    page = answer.get_data(as_text=True)

    assert answer.status_code == 422
    assert 'aria-invalid="true"' in page
    assert email_of("ada") in page
    assert app.test_client().get(path).status_code == 200


def test_signing_in_gives_a_new_session(app: Flask) -> None:
    """Whatever the browser brought (fixation), and the old one is over."""
    add_person(app, "ada", shop="viewer")
    client = app.test_client()
    client.set_cookie("abplat_session", "f" * 64)
    send(client, "/sign-in", email=email_of("ada"), password=PASSWORD)
    first = cookie_of(client)
    page = client.get("/account").get_data(as_text=True)
    token = re.findall(r'name="form_token" value="([0-9a-f]{64})"', page)[0]
    client.post("/sign-in", data={"form_token": token, "email": email_of("ada"), "password": PASSWORD})
    other = app.test_client()
    other.set_cookie("abplat_session", first)

    assert first != "f" * 64
    assert cookie_of(client) not in ("", first)
    assert other.get("/account").status_code == 303


def test_cookies_are_closed(app: Flask) -> None:
    """HttpOnly and SameSite always; Secure and __Host- over https."""
    add_person(app, "ada", shop="viewer")
    plain = send(app.test_client(), "/sign-in", email=email_of("ada"), password=PASSWORD)
    client = app.test_client()
    page = client.get("/sign-in", base_url="https://abplat.example").get_data(as_text=True)
    token = re.findall(r'name="form_token" value="([0-9a-f]{64})"', page)[0]
    fields = {"form_token": token, "email": email_of("ada"), "password": PASSWORD}
    secure = client.post("/sign-in", data=fields, base_url="https://abplat.example")
    said = [each for each in plain.headers.getlist("Set-Cookie") if "session" in each]
    safe = [each for each in secure.headers.getlist("Set-Cookie") if "session" in each]

    assert all("HttpOnly" in each and "SameSite=Lax" in each and "Path=/" in each for each in said + safe)
    assert safe[0].startswith("__Host-")
    assert "Secure" in safe[0]


def test_signing_out_ends_the_session_itself(app: Flask) -> None:
    """A stolen cookie is worth nothing afterwards."""
    add_person(app, "ada", shop="viewer")
    client = sign_in(app, "ada")
    stolen = cookie_of(client)
    send(client, "/sign-out", page="/account")
    thief = app.test_client()
    thief.set_cookie("abplat_session", stolen)

    assert client.get("/account").status_code == 303
    assert thief.get("/account").status_code == 303


def test_a_new_password_ends_every_other_session(app: Flask) -> None:
    """And the one at hand gets a new name."""
    add_person(app, "ada", shop="viewer")
    one, other = sign_in(app, "ada"), sign_in(app, "ada")
    before = cookie_of(one)
    answer = send(
        one, "/account/password", page="/account", old=PASSWORD, password="another four word phrase"
    )

    assert answer.status_code == 303
    assert cookie_of(one) != before
    assert one.get("/account").status_code == 200
    assert other.get("/account").status_code == 303


def test_a_session_can_be_ended_from_elsewhere(app: Flask) -> None:
    """On the account page, by its name."""
    add_person(app, "ada", shop="viewer")
    one, other = sign_in(app, "ada"), sign_in(app, "ada")
    send(one, "/account/sessions", page="/account")

    assert one.get("/account").status_code == 200
    assert other.get("/account").status_code == 303


def test_sessions_grow_idle_and_old(app: Flask, clock: FakeClock) -> None:
    """12 hours unused, 7 days in all; a clock set back lets nobody stay for ever."""
    add_person(app, "ada", shop="viewer")
    client = sign_in(app, "ada")
    for _ in range(15):
        clock.advance(hours=11)
        assert client.get("/account").status_code == 200
    clock.advance(hours=11)

    assert client.get("/account").status_code == 303
    client = sign_in(app, "ada")
    clock.advance(hours=12)
    assert client.get("/account").status_code == 303


def test_wrong_passwords_and_unknown_people_sound_alike(app: Flask) -> None:
    """Same status, same words."""
    add_person(app, "ada", shop="viewer")
    pages = []
    for name in ("ada", "nobody"):
        answer = send(app.test_client(), "/sign-in", email=email_of(name), password="wrong words here")
        assert answer.status_code == 401
        page = re.sub(r"[0-9a-f]{64}", "", answer.get_data(as_text=True))
        pages.append(page.replace(email_of(name), ""))

    assert pages[0] == pages[1]


def test_who_guesses_must_wait_longer_each_time(app: Flask, clock: FakeClock) -> None:
    """After five failures 15 seconds, then 30; it survives a restart; the right password must wait, too."""
    add_person(app, "ada", shop="viewer")
    client = app.test_client()
    for _ in range(5):
        assert send(client, "/sign-in", email=email_of("ada"), password="wrong words").status_code == 401
    answer = send(client, "/sign-in", email=email_of("ada"), password=PASSWORD)
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "15")
    clock.advance(seconds=16)
    assert send(client, "/sign-in", email=email_of("ada"), password="wrong words").status_code == 401
    again = create_app(app.extensions["abplat"].settings, clock)
    answer = send(again.test_client(), "/sign-in", email=email_of("ada"), password=PASSWORD)
    again.extensions["abplat"].close()
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "30")
    clock.advance(seconds=31)

    assert send(client, "/sign-in", email=email_of("ada"), password=PASSWORD).status_code == 303
    assert send(client, "/sign-out", page="/account").status_code == 303
    assert send(client, "/sign-in", email=email_of("ada"), password="wrong words").status_code == 401


def test_one_password_on_many_accounts_must_wait(app: Flask) -> None:
    """Counted by address of the network, too."""
    client = app.test_client()
    codes = [
        send(client, "/sign-in", email=email_of(f"user{number}"), password="guess guess guess").status_code
        for number in range(21)
    ]

    assert codes == [401] * 20 + [429]


@pytest.mark.parametrize("path", ["/sign-in", "/sign-out", "/account/tokens", "/account/sessions"])
def test_forms_without_their_token_are_refused(app: Flask, path: str) -> None:
    """Also as JSON, and with the token of another."""
    add_person(app, "ada", shop="viewer")
    client = sign_in(app, "ada")

    assert client.post(path).status_code == 400
    assert client.post(path, data={"form_token": "0" * 64}).status_code == 400
    assert client.post(path, json={"form_token": "0" * 64}).status_code == 400


def test_forms_of_elsewhere_are_refused(app: Flask) -> None:
    """Even with the token."""
    add_person(app, "ada", shop="viewer")
    client = sign_in(app, "ada")
    page = client.get("/account").get_data(as_text=True)
    token = re.findall(r'name="form_token" value="([0-9a-f]{64})"', page)[0]
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "null"}):
        assert client.post("/sign-out", data={"form_token": token}, headers=headers).status_code == 400

    assert client.get("/account").status_code == 200


@pytest.mark.parametrize(
    "wanted", ["//evil.example", "https://evil.example", "/\\evil.example", "\r\nX: y", ""]
)
def test_nobody_is_sent_elsewhere(app: Flask, wanted: str) -> None:
    """After signing in only paths of ours follow (H9)."""
    add_person(app, "ada", shop="viewer")
    fields = {"email": email_of("ada"), "password": PASSWORD, "next": wanted}

    assert send(app.test_client(), "/sign-in", **fields).headers["Location"] == "/"


def test_other_projects_do_not_exist(app: Flask) -> None:
    """The same answer as for one that is not there; the list leaves them out."""
    add_person(app, "ada", shop="viewer")
    add_person(app, "bob", secret="viewer")
    client = sign_in(app, "ada")
    there, missing = (client.get(f"/projects/{key}").get_data(as_text=True) for key in ("secret", "nothin"))

    assert there.replace("secret", "nothin") == missing
    assert client.get("/projects/secret").status_code == 404


def test_local_mode_is_for_this_machine(app: Flask, settings: Settings, clock: FakeClock) -> None:
    """It says so on the page, refuses other names of the host, and never listens to the network."""
    local = create_app(replace(settings, data_dir=settings.data_dir / "other"), clock)
    client = local.test_client()
    page = client.get("/").get_data(as_text=True)

    assert "No sign-in: this machine only" in page
    assert client.get("/", base_url="http://evil.example").status_code == 403
    assert client.get("/account").status_code == 200
    local.extensions["abplat"].close()
    with pytest.raises(InvalidInputError, match="lets everybody in"):
        create_app(replace(settings, host="0.0.0.0"), clock)
    with pytest.raises(InvalidInputError, match="neither required nor local"):
        create_app(replace(settings, sign_in="no"), clock)


def test_a_personal_token_acts_as_its_owner(app: Flask) -> None:
    """In its project, with the role there; revoked it is useless; shown once and never stored."""
    add_person(app, "ada", shop="viewer")
    client = sign_in(app, "ada")
    fields = {"project": "shop", "title": HOSTILE, "days": "30"}
    page = send(client, "/account/tokens", page="/account", **fields).get_data(as_text=True)
    token = re.findall(r"abu_[0-9a-f]{16}_[0-9a-f]{64}", page)[0]
    headers = {"Authorization": f"Bearer {token}"}
    read = client.get("/v1/experiments", headers=headers)
    write = client.post("/v1/channels", headers=headers, json={"key": "web", "title": "Web"})
    with app.extensions["abplat"].sessions() as session:
        stored = str(session.execute(text("SELECT * FROM personal_tokens")).all())

    assert (read.status_code, write.status_code) == (200, 403)
    assert "experimenter" in write.get_json()["detail"]
    assert token.rpartition("_")[2] not in stored
    assert "&lt;script&gt;" in client.get("/account").get_data(as_text=True)
    send(client, "/account/tokens/revoke", page="/account", selector=token.split("_")[1])
    app.extensions.pop("abplat_keys")
    assert client.get("/v1/experiments", headers=headers).status_code == 401


def test_the_api_ignores_cookies(app: Flask) -> None:
    """Nothing that a page of elsewhere could forge reaches it."""
    add_person(app, "ada", is_admin=True)

    assert sign_in(app, "ada").get("/v1/experiments").status_code == 401


def test_nobody_enters_once_disabled(app: Flask) -> None:
    """At once, by session, password and token."""
    number = add_person(app, "ada", shop="viewer")
    add_person(app, "root", is_admin=True)
    client = sign_in(app, "ada")
    platform = app.extensions["abplat"]
    with platform.writers.begin() as session:
        from abplat.services import people

        people.change_user(session, number, {"is_disabled": True}, now=platform.clock())

    assert client.get("/account").status_code == 303
    answer = send(app.test_client(), "/sign-in", email=email_of("ada"), password=PASSWORD)
    assert answer.status_code == 401
