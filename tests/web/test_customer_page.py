"""The page of one customer: what is told, to whom, and what is left behind."""

from __future__ import annotations

import html
from collections.abc import Iterator
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import text

from abplat.clock import format_instant, to_micros
from abplat.config import Settings
from abplat.facts.moments import keep_moments
from abplat.facts.rows import TouchpointRow
from abplat.services import identities, keys
from tests.conftest import FakeClock
from tests.web.people_app import add_person, send, sign_in
from tests.web.shop_app import HOSTILE, make_shop_app, start

PAGE = "/projects/shop/customers"


@pytest.fixture(name="app")
def _app(settings: Settings, clock: FakeClock) -> Iterator[Flask]:
    """Return a shop with one customer of two identities, whose journey is under way."""
    app = make_shop_app(settings, clock, "required")
    for name, role in (("vera", "viewer"), ("anna", "analyst"), ("ada", "admin")):
        add_person(app, name, shop=role)
    start(app, "shorter-form", days_ago=3)
    platform = app.extensions["abplat"]
    identify = {"anonymous": "anon:w1", "known": "cust:7", "ts": format_instant(clock() - timedelta(hours=2)),
                "assignments": {"shorter-form": "treatment"}, "channel": "web"}  # fmt: skip
    identities.identify(
        identities.Desk(
            platform.intake,
            platform.sessions,
            "shop",
            platform.configurations.document("shop"),
            platform.clock,
        ),
        identify,
    )
    at = to_micros(clock() - timedelta(hours=1))
    rows = [
        TouchpointRow("e1", "anon:w1", "visit", ts_us=at, channel="web"),
        TouchpointRow("e2", "cust:7", HOSTILE, ts_us=at + 1, channel="store"),
    ]
    with platform.writers.begin() as session:
        keep_moments(session.connection(), "shop", rows)
    yield app
    platform.close()


def test_a_customer_is_told_by_any_identity(app: Flask) -> None:
    """In one line of time, with the reason of what they see."""
    answer = send(sign_in(app, "anna"), PAGE, page=PAGE, id="anon:w1")
    page = html.unescape(answer.get_data(as_text=True))

    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    for words in ("anon:w1 is cust:7", "shorter-form: treatment", "Buy a tent: began", "<b>visit</b>",
                  "Gets treatment, because it was assigned or shown to them before", "Every gate in its order"):  # fmt: skip
        assert words in page, words
    assert "<script>alert" not in answer.get_data(as_text=True)
    assert "Erase everything" not in page


def test_the_look_up_is_audited_under_a_pseudonym(app: Flask) -> None:
    """By whom and of whom; the id is in no row of the trail."""
    send(sign_in(app, "anna"), PAGE, page=PAGE, id="cust:7")
    with app.extensions["abplat"].sessions() as session:
        rows = session.execute(text("SELECT actor, key FROM audit WHERE verb = 'look_up'")).all()

    assert [row.actor for row in rows] == ["user:anna@example.com"]
    assert "cust:7" not in str(rows)


@pytest.mark.parametrize("typed", ["", "7", HOSTILE, "x" * 300])
def test_what_is_no_id_is_refused_beside_the_field(app: Flask, typed: str) -> None:
    """And stays where it was typed."""
    answer = send(sign_in(app, "anna"), PAGE, page=PAGE, id=typed)

    assert answer.status_code == 422
    assert 'aria-invalid="true"' in answer.get_data(as_text=True)
    assert "<script>" not in answer.get_data(as_text=True)


def test_viewers_do_not_look_up_customers(app: Flask) -> None:
    """Neither by the page nor in the menu."""
    client = sign_in(app, "vera")

    assert client.get(PAGE).status_code == 403
    assert send(client, PAGE, page="/account", id="cust:7").status_code == 403
    assert PAGE not in client.get("/projects/shop").get_data(as_text=True)


def test_administrators_erase_after_being_asked_once_more(app: Flask) -> None:
    """With a reason; the id is not in the address, and the list shows a pseudonym."""
    client = sign_in(app, "ada")
    shown = send(client, PAGE, page=PAGE, id="cust:7").get_data(as_text=True)
    asked = send(client, f"{PAGE}/requests", page=PAGE, kind="erase", id="cust:7")
    without = send(client, f"{PAGE}/requests", page=PAGE, kind="erase", id="cust:7", confirm="yes", reason="")
    done = send(
        client,
        f"{PAGE}/requests",
        page=PAGE,
        kind="erase",
        id="cust:7",
        confirm="yes",
        reason="asked by letter",
    )
    after = client.get(done.headers["Location"]).get_data(as_text=True)

    assert "Erase everything" in shown
    assert "Are you sure?" in asked.get_data(as_text=True)
    assert without.status_code == 422
    assert done.status_code == 303
    assert "cust" not in done.headers["Location"].partition("asked=")[2]
    assert "waits for the worker" in after
    assert "asked by letter" in after
    assert "cust:7" not in after


def test_only_administrators_erase(app: Flask) -> None:
    """An analyst who makes the form by hand is refused, and a kind that is none."""
    analyst, admin = sign_in(app, "anna"), sign_in(app, "ada")

    assert (
        send(analyst, f"{PAGE}/requests", page=PAGE, kind="erase", id="cust:7", confirm="yes").status_code
        == 403
    )
    assert send(admin, f"{PAGE}/requests", page=PAGE, kind="all", id="cust:7").status_code == 422
    assert admin.get(f"{PAGE}/requests/none/copy").status_code == 404


def test_machines_are_told_the_same(app: Flask, clock: FakeClock) -> None:
    """Moments of every kind, youngest first, and why."""
    with app.extensions["abplat"].writers.begin() as session:
        token = keys.create(session, "shop", "server", now=clock()).token
    headers = {"Authorization": f"Bearer {token}"}
    answer = app.test_client().post("/v1/customers/timeline", json={"id": "cust:7"}, headers=headers)
    told = answer.get_json()
    times = [each["at"] for each in told["moments"]]

    assert answer.headers["Cache-Control"] == "no-store"
    assert times == sorted(times, reverse=True)
    assert {each["kind"] for each in told["moments"]} == {"identity", "assignment", "journey", "touchpoint"}
    assert [each["decision"]["variant"] for each in told["why"]] == ["treatment"]
