"""Annotations: noted on a page, marked on the line of an experiment and on the timeline, never estimated."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from flask import Flask

from abplat.clock import parse_instant
from abplat.config import Settings
from abplat.services import keys
from abplat.services.annotations import Happening
from abplat.services.history import Deed
from abplat.web.looks import make_lifts
from abplat.web.report_sources import Record
from tests.conftest import FakeClock
from tests.web import report_factory as factory
from tests.web.shop_app import HOSTILE, make_shop_app, start
from tests.web.test_result_views import record

PAGE = "/projects/shop/annotations"
SALE = {
    "title": "Tent week",
    "kind": "campaign",
    "starts_at": "2026-03-01T10:00",
    "ends_at": "2026-03-02T10:00",
}


@pytest.fixture(name="app")
def _app(settings: Settings, clock: FakeClock) -> Iterator[Flask]:
    """Return a shop in which an experiment runs."""
    app = make_shop_app(settings, clock)
    start(app, "shorter-form", days_ago=20)
    yield app
    app.extensions["abplat"].close()


def note(app: Flask, **over: str) -> Any:
    """Send the form of the page as a browser does."""
    client = app.test_client()
    page = client.get(PAGE).get_data(as_text=True)
    token = re.search(r'name="form_token" value="([^"]+)"', page)
    assert token is not None
    return client.post(PAGE, data={**SALE, **over, "form_token": token[1]}, follow_redirects=True)


def test_what_is_noted_stands_in_the_list_and_on_the_timeline(app: Flask) -> None:
    """With its channel by name; the API tells the same."""
    page = html.unescape(note(app, channel="store", text="20 % on tents").get_data(as_text=True))
    timeline = html.unescape(app.test_client().get("/projects/shop/timeline").get_data(as_text=True))
    with app.extensions["abplat"].writers.begin() as session:
        token = keys.create(session, "shop", "admin", now=app.extensions["abplat"].clock()).token
    told = app.test_client().get("/v1/timeline", headers={"Authorization": f"Bearer {token}"}).get_json()

    assert "Tent week" in page
    assert "2026-03-01 10:00 UTC to 2026-03-02 10:00 UTC" in page
    assert "campaign: Tent week (Store). 20 % on tents" in timeline
    assert [each["title"] for each in told["annotations"]] == ["Tent week"]


def test_what_is_taken_back_is_no_longer_shown(app: Flask) -> None:
    """By a button on its line."""
    page = note(app).get_data(as_text=True)
    found = re.search(r'action="([^"]+/archive)".*?name="form_token" value="([^"]+)"', page, re.DOTALL)
    assert found is not None
    after = app.test_client()
    after.get(PAGE)
    token = re.search(r'name="form_token" value="([^"]+)"', after.get(PAGE).get_data(as_text=True))
    assert token is not None
    left = after.post(found[1], data={"form_token": token[1]}, follow_redirects=True).get_data(as_text=True)

    assert "Tent week" not in left


@pytest.mark.parametrize(
    ("over", "said"),
    [
        ({"ends_at": "2026-02-01T10:00"}, "Does not come after starts_at"),
        ({"starts_at": "yesterday"}, "instant"),
        ({"title": "  "}, "missing"),
        ({"channel": "moon"}, "not a channel of this project"),
    ],
)
def test_what_is_wrong_stands_beside_its_field(app: Flask, over: dict[str, str], said: str) -> None:
    """And what was typed is kept."""
    answer = note(app, **{"text": "kept", **over})
    page = html.unescape(answer.get_data(as_text=True))

    assert answer.status_code == 422
    assert said in page
    assert ">kept</textarea>" in page


def test_hostile_words_are_text(app: Flask) -> None:
    """On the page, and in both pictures."""
    page = note(app, title=HOSTILE, text=HOSTILE).get_data(as_text=True)
    timeline = app.test_client().get("/projects/shop/timeline").get_data(as_text=True)

    assert "<script>alert" not in page + timeline
    assert "{{7*7}}" in html.unescape(timeline)


def with_happenings(*happenings: Happening, deeds: tuple[Deed, ...] = ()) -> Record:
    """Return the record of three looks in which something happened."""
    found = record(factory.make_report())
    looks = [
        look._replace(digest=msgspec.structs.replace(
            look.digest, inputs=msgspec.structs.replace(look.digest.inputs, definitions_hash="same")))
        for look in found.looks
    ]  # fmt: skip
    return found._replace(looks=looks, deeds=deeds, happenings=happenings)


def test_a_campaign_is_shaded_and_does_not_break_the_line() -> None:
    """A pause does: what comes after is not of one thing with what came before."""
    report = factory.make_report()
    end = parse_instant(report.inputs.as_of)
    sale = Happening(
        "s", "Sale", "campaign", end - timedelta(days=5), end - timedelta(days=4), None, None, ""
    )
    pause = Deed(end - timedelta(days=3), "user:ada@example.com", "pause", {}, {})
    (calm,) = make_lifts(report, with_happenings(sale))
    (paused,) = make_lifts(report, with_happenings(sale, deeds=(pause,)))

    assert calm.notes == ((1, "2026-03-18 06:00 UTC to 2026-03-19 06:00 UTC: campaign: Sale"),)
    assert 'opacity="0.1"' in calm.picture
    assert (calm.n_changed, paused.n_changed) == (0, 1)
    assert [number for number, _ in paused.notes] == [1, 2]


def test_what_happened_before_the_first_look_is_in_the_picture() -> None:
    """The line of time begins early enough; what was over before the start is left out."""
    report = factory.make_report()
    start = parse_instant(report.experiment.started_at or "")
    early = Happening("e", "Release", "deploy", start + timedelta(hours=2), None, None, None, "")
    over = early._replace(key="o", title="Over", starts=start - timedelta(days=2))
    (panel,) = make_lifts(report, with_happenings(over, early))

    assert [words for _, words in panel.notes] == ["2026-03-02 11:00 UTC: release: Release"]
