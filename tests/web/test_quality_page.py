"""The data-quality board and the set-up page."""

from __future__ import annotations

import html
import json
import re
import shlex
from collections.abc import Iterator

import pytest
from flask import Flask

from abplat.config import Settings
from abplat.domain.masking import mask_event, mask_message
from abplat.services import keys
from tests.conftest import FakeClock
from tests.web.people_app import add_person, send, sign_in
from tests.web.shop_app import make_shop_app

QUALITY, SDK = "/projects/shop/quality", "/projects/shop/sdk"


@pytest.fixture(name="app")
def _app(settings: Settings, clock: FakeClock) -> Iterator[Flask]:
    """Return a shop in which people sign in."""
    app = make_shop_app(settings, clock, "required")
    add_person(app, "vera", shop="viewer")
    add_person(app, "anna", shop="analyst")
    add_person(app, "ada", shop="admin")
    add_person(app, "olga", other="admin")
    yield app
    app.extensions["abplat"].close()


def test_the_board_says_first_what_is_odd(app: Flask) -> None:
    """In words with what to do, before any number."""
    page = sign_in(app, "vera").get(QUALITY).get_data(as_text=True)
    order = ["What is odd", "names of events are no touchpoint", "What came, and from where", "What the door counted",
             "Names that no touchpoint has", "Why events were refused"]  # fmt: skip

    assert [page.index(each) for each in order] == sorted(page.index(each) for each in order)
    assert (
        'role="img" aria-label="Web, touchpoints a day from 2026-03-01 to 2026-03-04: between 100 and 121'
        in page
    )
    assert "<script>alert" not in page
    assert "The last events that were refused" not in page


def test_refused_events_are_shown_to_analysts_with_masked_ids(app: Flask) -> None:
    """Nothing on the page tells whom an event was about."""
    page = sign_in(app, "anna").get(QUALITY).get_data(as_text=True)

    assert "email:…om" in page
    assert "ada@example.com" not in page
    assert "not readable" in page


@pytest.mark.parametrize("body", ["", "[", "null", '{"actor": 7, "kind": {}}', '{"actor": ""}'])
def test_anything_that_was_sent_is_masked(body: str) -> None:
    """An event that was refused may look like anything."""
    assert mask_event(body).actor in ("", "…")


def test_a_quotation_that_was_cut_off_is_left_out() -> None:
    """Also where the value quoted holds quotation marks."""
    assert mask_message("a: \"it's") == "a: …"
    assert mask_message("'7' has no type; write the type before it, such as cust:7") == "… has no type"


def test_a_project_without_a_board_says_why(app: Flask) -> None:
    """The worker makes it."""
    page = sign_in(app, "olga").get("/projects/other/quality").get_data(as_text=True)

    assert "No board yet" in page


def test_pages_of_other_projects_do_not_exist(app: Flask) -> None:
    """To those who do not belong to them."""
    client = sign_in(app, "olga")

    assert client.get(QUALITY).status_code == 404
    assert client.get(SDK).status_code == 404


def test_the_set_up_page_says_who_was_heard_of(app: Flask) -> None:
    """Connected, silent, waiting; and what only events name."""
    page = sign_in(app, "vera").get(SDK).get_data(as_text=True)

    for words in (
        "Connected",
        "Silent for more than a day",
        "Waiting for the first event",
        "has no such channel",
    ):
        assert words in page
    assert 'channel="store"' in page
    assert 'http-equiv="refresh"' not in page
    assert 'http-equiv="refresh" content="10"' in sign_in(app, "vera").get(f"{SDK}?look=1").get_data(
        as_text=True
    )


def test_a_key_is_shown_once_and_filled_in(app: Flask, clock: FakeClock) -> None:
    """It works, it is in the examples of its kind, no cache keeps the page, and it is nowhere afterwards."""
    client = sign_in(app, "ada")
    answer = send(client, SDK, page=SDK, kind="server")
    page = html.unescape(answer.get_data(as_text=True))
    (token,) = set(re.findall(r"abs_[0-9a-f]{16}_[0-9a-f]{64}", page))
    with app.extensions["abplat"].sessions() as session:
        checked, _ = keys.check(session, token, now=clock())

    assert answer.headers["Cache-Control"] == "no-store"
    assert (checked.project_key, checked.kind) == ("shop", "server")
    assert f'Client("http://localhost", "{token}")' in page
    assert "YOUR_CLIENT_KEY" in page
    assert token not in client.get(SDK).get_data(as_text=True)


def test_the_examples_of_curl_work_as_they_stand(app: Flask) -> None:
    """What is pasted is what the routes take."""
    client = sign_in(app, "ada")
    page = html.unescape(send(client, SDK, page=SDK, kind="server").get_data(as_text=True))
    calls = re.findall(r"curl (\S+) -H (\"[^\"]+\") -H \S+ \S+ \\\n\s+-d (.+?})'(?=\n|<)", page)
    statuses = []
    for url, header, body in calls:
        filled = body.replace("$(uuidgen)", "e1").replace("$(date -u +%FT%TZ)", "2026-03-04T09:00:00Z")
        (sent,) = shlex.split(f"{filled}'")
        name, _, value = header.strip('"').partition(": ")
        path = url.removeprefix("http://localhost")
        statuses.append(
            app.test_client().post(path, json=json.loads(sent), headers={name: value}).status_code
        )

    assert statuses == [200, 202]


def test_only_administrators_make_keys(app: Flask) -> None:
    """Others are told who does; a kind that is none is refused."""
    viewer, admin = sign_in(app, "anna"), sign_in(app, "ada")

    assert "Make it and fill it in" not in viewer.get(SDK).get_data(as_text=True)
    assert send(viewer, SDK, page="/account", kind="server").status_code == 403
    assert send(admin, SDK, page=SDK, kind="admin").status_code == 422


def test_machines_are_told_the_same(app: Flask, clock: FakeClock) -> None:
    """Channels with their state, and every word."""
    with app.extensions["abplat"].writers.begin() as session:
        token = keys.create(session, "shop", "server", now=clock()).token
    headers = {"Authorization": f"Bearer {token}"}
    seen = app.test_client().get("/v1/sightings", headers=headers).get_json()["items"]
    words = app.test_client().get("/v1/glossary", headers=headers).get_json()["items"]

    assert {each["channel"]: each["state"] for each in seen} == {
        "kiosk": "silent",
        "store": "waiting",
        "web": "connected",
    }
    assert any(each["key"] == "p_value" for each in words)
