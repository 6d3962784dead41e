"""The editor of journeys: a new one, a new version, a try on examples, differences, counts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from abplat.config import Settings
from abplat.services import journeys, keys
from tests.conftest import NOW, FakeClock
from tests.web.people_app import add_person, send, sign_in
from tests.web.setup_app import open_app, read, run_jobs

NEW = "/projects/shop/new-journey"
BUY = "/projects/shop/journeys/buy"
HOSTILE = "<script>alert(1)</script>{{7*7}}"
FORM = {
    "title": "Get help", "key": "help", "owner": "Ada", "window": "7d", "ordering": "ordered", "reentry": "after_end",
    "stages": "3", "excludes": "1",
    "stage-0-title": "Ask", "stage-0-key": "ask", "stage-0-match": "ask by web or app where topic is order\ncall",
    "stage-1-key": "answer", "stage-1-match": "answer", "stage-1-optional": "yes", "stage-1-within": "2d",
    "stage-2-key": "solved", "stage-2-match": 'solved where stars is 4 or 5 and "is new" is true',
    "exclude-0-match": "complaint", "exclude-0-after": "ask",
}  # fmt: skip
EVENTS = """2026-03-01T10:00Z cust:7 ask web {"topic": "order"}
2026-03-02T10:00Z cust:7 solved phone {"stars": 5, "is new": true}
2026-03-01T11:00Z cust:8 call
2026-03-01T12:00Z cust:8 complaint
2026-03-01T12:00Z cust:9 smile"""


@pytest.fixture(name="app")
def _app(settings: Settings, clock: FakeClock) -> Iterator[Flask]:
    """Return an application with a project."""
    with open_app(settings, clock) as app:
        yield app


@pytest.fixture(name="ada")
def _ada(app: Flask) -> FlaskClient:
    """Return a browser."""
    return app.test_client()


def edit(client: FlaskClient, **over: str) -> Any:
    """Change the journey of the project."""
    form = {
        "title": "Buy a tent", "owner": "Ada", "window": "7d", "ordering": "ordered", "reentry": "after_end",
        "stages": "3", "excludes": "0", "revision": "1",
    }  # fmt: skip
    for index, key in enumerate(("visit", "quote", "purchase")):
        form |= {f"stage-{index}-key": key, f"stage-{index}-match": key}
    return send(client, f"{BUY}/edit", page=f"{BUY}/edit", **(form | over))


def test_a_journey_is_made_from_its_form(app: Flask, ada: FlaskClient) -> None:
    """Every field arrives; the page says it in words."""
    answer = send(ada, NEW, page=NEW, do="save", **FORM)
    with read(app) as session:
        made = journeys.get(session, "shop", "help")
    page = ada.get(answer.headers["Location"]).get_data(as_text=True)

    assert made["stages"][0]["match"] == [
        {"event": "ask", "channel": ["web", "app"], "props": {"topic": ["order"]}},
        {"event": "call"},
    ]
    assert made["stages"][1] | {"match": []} == {
        "key": "answer",
        "optional": True,
        "within": "2d",
        "match": [],
    }
    assert made["stages"][2]["match"] == [{"event": "solved", "props": {"stars": [4, 5], "is new": [True]}}]
    assert made["exclude"] == [{"match": [{"event": "complaint"}], "after": "ask"}]
    assert "Get help" in page


@pytest.mark.parametrize(
    ("over", "name", "said"),
    [
        ({"window": ""}, "window", "how long after its start"),
        ({"owner": ""}, "owner", ""),
        ({"stage-0-match": "ask by"}, "stage-0-match", "a channel was expected, there is nothing"),
        ({"stage-0-optional": "yes"}, "stage-0-optional", ""),
        ({"stage-1-within": "soon"}, "stage-1-within", "soon"),
        ({"stage-1-key": "ask"}, "stage-1-key", ""),
        ({"exclude-0-after": "nowhere"}, "exclude-0-after", "nowhere"),
        ({"stages": "1"}, "stages", ""),
    ],
)
def test_a_fault_stands_beside_its_field(
    ada: FlaskClient, over: dict[str, str], name: str, said: str
) -> None:
    """Nothing is kept, and what was typed stays typed."""
    answer = send(ada, NEW, page=NEW, do="save", **(FORM | over))
    page = answer.get_data(as_text=True)

    assert answer.status_code == 422
    assert f'href="#f-{name}"' in page
    assert said in page.partition(f'href="#f-{name}"')[2].partition("</li>")[0]
    assert "call</textarea>" in page or "ask by</textarea>" in page
    assert ada.get("/projects/shop/journeys/help").status_code == 404


def test_a_try_walks_the_examples_and_keeps_nothing(ada: FlaskClient) -> None:
    """By the rules that analyses follow; faults of lines are said with their number."""
    page = send(ada, NEW, page=NEW, do="try", events=EVENTS, **FORM).get_data(as_text=True)
    as_json = send(ada, NEW, page=NEW, do="try", events='{"events": [{"ts": "2026-03-01T10:00Z", "actor": "cust:7", "name": "call"}]}', **FORM)  # fmt: skip
    wrong = send(ada, NEW, page=NEW, do="try", events=EVENTS + "\nyesterday cust:7 ask", **FORM)

    assert "5 events, 2 journeys" in page
    assert "Nothing looks at: smile." in page
    assert "Completed" in page
    assert "an excluded event came" in page
    assert "1 events, 1 journey." in as_json.get_data(as_text=True)
    assert wrong.status_code == 422
    assert "Line 6:" in wrong.get_data(as_text=True)
    assert ada.get("/projects/shop/journeys/help").status_code == 404


def test_rows_are_added_moved_and_removed(ada: FlaskClient) -> None:
    """Without losing what was typed, and without keeping it."""
    added = send(ada, NEW, page=NEW, do="add-stage", **FORM).get_data(as_text=True)
    moved = send(ada, NEW, page=NEW, do="up-stage-2", **FORM).get_data(as_text=True)
    gone = send(ada, NEW, page=NEW, do="drop-stage-0", **FORM).get_data(as_text=True)
    bad = send(ada, NEW, page=NEW, do="explode", **FORM)

    assert 'name="stage-3-key"' in added
    assert 'id="f-stage-1-key" name="stage-1-key" type="text" value="solved"' in moved
    assert 'id="f-stage-0-key" name="stage-0-key" type="text" value="answer"' in gone
    assert bad.status_code == 422


def test_a_change_makes_a_version_that_is_told_in_words(app: Flask, ada: FlaskClient) -> None:
    """The editor says before what will differ; afterwards versions can be compared."""
    before = edit(ada, do="try", events="2026-03-01T10:00Z cust:7 visit", **{"stage-1-match": "quote\ncall"})
    kept = edit(ada, do="save", window="14d", **{"stage-1-match": "quote\ncall"})
    changes = ada.get(f"{BUY}/changes").get_data(as_text=True)

    assert "counts call now" in before.get_data(as_text=True)
    assert "This makes version 2" in before.get_data(as_text=True)
    assert kept.status_code == 303
    assert "The window was 7d and is 14d." in changes
    assert "“quote” counts call now." in changes
    assert ada.get(f"{BUY}/changes?from=1&to=9").status_code == 404
    with read(app) as session:
        assert journeys.get(session, "shop", "buy")["version"] == 2


def test_a_title_makes_no_version(app: Flask, ada: FlaskClient) -> None:
    """What means the same stays written as it was."""
    edit(ada, do="save", title="Buy any tent")
    with read(app) as session:
        journey = journeys.get(session, "shop", "buy")

    assert (journey["title"], journey["version"]) == ("Buy any tent", 1)


def test_nobody_overwrites_what_they_have_not_read(ada: FlaskClient) -> None:
    """The second of two editors is told so, and keeps what they typed."""
    edit(ada, do="save", window="14d")
    late = edit(ada, do="save", window="21d")
    page = late.get_data(as_text=True)

    assert late.status_code == 422
    assert "read it again and repeat the change" in page
    assert 'value="21d"' in page


def test_everybody_of_the_last_weeks_is_counted(app: Flask, ada: FlaskClient) -> None:
    """The worker counts, the page shows map, ends and table."""
    stamp = "2026-03-0{}T10:00:00Z"
    events = [
        {"kind": "touchpoint", "id": f"{n}-{name}", "actor": f"cust:{n}", "name": name, "ts": stamp.format(day), "channel": channel}
        for n in range(6)
        for name, day, channel in (("visit", 1, "web"), ("quote", 2, "app"), ("purchase", 3, "store"))[: 1 + n % 3]
    ]  # fmt: skip
    with read(app) as session:
        key = keys.create(session, "shop", "server", now=NOW).token
        session.commit()
    sent = ada.post("/v1/events", json={"events": events}, headers={"Authorization": f"Bearer {key}"})
    asked = send(ada, f"{BUY}/count", page=BUY)
    run_jobs(app, "count")
    done = ada.get(asked.headers["Location"])
    page = ada.get(BUY).get_data(as_text=True)

    assert sent.status_code == 202
    assert done.headers["Location"] == f"{BUY}#counts"
    assert "6 journeys of 6 customers" in page
    assert "Still open: Purchase" in page
    assert "Visit (Web) → Quote (App)" in page


def test_hostile_names_are_text(ada: FlaskClient) -> None:
    """In the form, the page, the list and the differences."""
    over = {
        "title": HOSTILE,
        "owner": HOSTILE,
        "stage-0-title": HOSTILE,
        "stage-0-match": '"<script>x</script>"',
    }
    send(ada, NEW, page=NEW, do="save", **(FORM | over))
    paths = ("journeys", "journeys/help", "journeys/help/edit", "journeys/help/changes")
    pages = [ada.get(f"/projects/shop/{path}").get_data(as_text=True) for path in paths]

    assert all("<script>" not in page and "&lt;script&gt;" in page for page in pages)


def test_viewers_read_and_do_not_write(settings: Settings, clock: FakeClock) -> None:
    """They see journeys and differences, no form."""
    with open_app(settings, clock, "required") as app:
        add_person(app, "vera", shop="viewer")
        vera = sign_in(app, "vera")

        assert vera.get("/projects/shop/journeys").status_code == 200
        assert vera.get(f"{BUY}/changes").status_code == 200
        assert vera.get(f"{BUY}/edit").status_code == 403
        assert vera.get(NEW).status_code == 403


def test_what_the_data_propose_can_be_edited_and_kept(app: Flask, ada: FlaskClient) -> None:
    """The worker looks; a proposal opens the editor with everything filled in."""
    place = "/projects/shop/discovered"
    empty = ada.get(place).get_data(as_text=True)
    with app.extensions["abplat"].writers.begin() as session:
        key = keys.create(session, "shop", "server", now=NOW).token
    events = [
        {"kind": "touchpoint", "id": f"{n}-{name}", "actor": f"cust:{n}", "name": name, "ts": f"2026-03-01T1{at}:00:00Z", "channel": "web"}
        for n in range(60)
        for at, name in enumerate(("ask", "answer", "solved"))
    ]  # fmt: skip
    ada.post("/v1/events", json={"events": events}, headers={"Authorization": f"Bearer {key}"})
    asked = send(ada, place, page=place)
    waiting = ada.get(asked.headers["Location"]).get_data(as_text=True)
    run_jobs(app, "discover")
    page = ada.get(asked.headers["Location"], follow_redirects=True).get_data(as_text=True)
    form = ada.get(f"{NEW}?proposal=0").get_data(as_text=True)

    assert "Nobody has looked yet" in empty
    assert 'http-equiv="refresh"' in waiting
    assert "180 events of 60 customers" in page
    assert "solved" in form
    assert ada.get(f"{NEW}?proposal=99").status_code == 404
