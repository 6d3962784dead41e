"""The maps of a journey: chosen by the address, looked into move by move, and by API."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask

from abplat.config import Settings
from abplat.services import keys
from tests.conftest import FakeClock
from tests.web.people_app import send
from tests.web.setup_app import open_app, run_jobs, send_events

PLACE = "/projects/shop/journeys/buy"
API = "/v1/journeys/buy/counts"


@pytest.fixture(name="app")
def _app(settings: Settings, clock: FakeClock) -> Iterator[Flask]:
    """Return an application with a project and some events."""
    with open_app(settings, clock) as app:
        send_events(app)
        yield app


def call(app: Flask, method: str, path: str, **over: Any) -> Any:
    """Call the API with an admin key."""
    with app.extensions["abplat"].writers.begin() as session:
        token = keys.create(session, "shop", "admin", now=app.extensions["abplat"].clock()).token
    return app.test_client().open(path, method=method, headers={"Authorization": f"Bearer {token}"}, **over)


def count(app: Flask, **fields: str) -> str:
    """Ask for counts on the page, let the worker count, and return where the page leads."""
    asked = send(app.test_client(), f"{PLACE}/count", page=PLACE, **fields)
    run_jobs(app, "count")
    return str(app.test_client().get(asked.headers["Location"]).headers["Location"])


def test_a_move_is_looked_into(app: Flask) -> None:
    """Its size, how long it takes, the metrics on its step, and some journeys with masked ids."""
    place = count(app, days="28")
    page = app.test_client().get(place).get_data(as_text=True)
    move = app.test_client().get(f"{PLACE}?way=visit|quote|web|web").get_data(as_text=True)
    gone = app.test_client().get(f"{PLACE}?way=visit|quote|web|<b>").get_data(as_text=True)

    assert place == f"{PLACE}#counts"
    assert 'href="/projects/shop/journeys/buy?way=visit%7Cquote%7Cweb%7Cweb#way"' in page
    assert "Time and cost of each step" in page
    assert "journeys as examples" in move
    assert "cust:…" in move
    assert "cust:1<" not in move
    assert "This move is not in the counts" in gone
    assert "<b>" not in gone.split("<main")[1].split("</main>")[0].replace("<b>1</b>", "")


def test_customers_are_chosen_by_the_address(app: Flask) -> None:
    """Each choice has counts of its own, and says so where nobody has asked for them."""
    count(app, days="28")
    place = count(app, days="7", segment="vip", channel="web")
    chosen = app.test_client().get(place).get_data(as_text=True)
    other = app.test_client().get(f"{PLACE}?days=90").get_data(as_text=True)
    odd = app.test_client().get(f"{PLACE}?days=3000&least=x&channel=%3Cscript%3E")

    assert place == f"{PLACE}?days=7&segment=vip&channel=web#counts"
    assert "Those chosen, the last 7 days" in chosen
    assert "Nobody has asked for these counts" in other
    assert odd.status_code == 200
    assert b"<script>" not in odd.data


def test_small_flows_are_left_to_the_table(app: Flask) -> None:
    """What is not drawn is still counted."""
    count(app, days="28")
    everything = app.test_client().get(PLACE).get_data(as_text=True)
    large = app.test_client().get(f"{PLACE}?least=20").get_data(as_text=True)

    assert large.count('class="s-calm band"') < everything.count('class="s-calm band"')
    assert "smaller moves stand in the table only" in large


def test_the_api_does_the_same(app: Flask) -> None:
    """Asked for, read, and refused where it means nothing."""
    early = call(app, "GET", API)
    asked = call(app, "POST", API, json={"days": 7, "segment": "vip"})
    run_jobs(app, "count")
    read = call(app, "GET", f"{API}?days=7&segment=vip").get_json()
    refused = call(app, "POST", API, json={"segment": "nobody"})
    odd = call(app, "POST", API, json={"days": 8})

    assert early.status_code == 404
    assert (asked.status_code, asked.get_json()["state"]) == (202, "queued")
    assert (read["state"], read["counts"]["days"], read["counts"]["segment"]) == ("done", 7, "vip")
    assert refused.get_json()["errors"][0]["code"] == "unknown_segment"
    assert odd.status_code == 422
