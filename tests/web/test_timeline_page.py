"""The timeline: what collides, what does not, and how it is drawn."""

from __future__ import annotations

import html
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask

from abplat.config import Settings
from abplat.domain.collisions import Span, find_collisions
from abplat.domain.layers import Slot
from abplat.services import experiments, keys, timelines
from abplat.web.charts import gantt
from tests.conftest import FakeClock, make_experiment
from tests.web.shop_app import make_shop_app, start

PAGE = "/projects/shop/timeline"
DAY = datetime(2026, 3, 1, tzinfo=UTC)


def make_span(key: str, **over: Any) -> Span:
    """Return an experiment of four weeks."""
    return Span(key, key.title(), "running", "buy", DAY, DAY + timedelta(days=28))._replace(**over)


@pytest.mark.parametrize(
    ("over", "n"),
    [
        ({}, 1), ({"journey": "return"}, 0), ({"begins": DAY + timedelta(days=28), "ends": None}, 0),
        ({"ends": None}, 1), ({"layer": "a", "slot": Slot(0, 5000)}, 1), ({"included": 0}, 0), ({"included": 1}, 0),
    ],
)  # fmt: skip
def test_two_collide_on_one_journey_at_one_time(over: dict[str, Any], n: int) -> None:
    """Where they share time and customers."""
    assert len(find_collisions([make_span("one"), make_span("two", **over)])) == n


def test_different_slots_of_one_layer_never_meet() -> None:
    """Overlapping ones do, by the width of what they share."""
    one = make_span("one", layer="a", slot=Slot(0, 5000))
    apart, across = (
        make_span("two", layer="a", slot=Slot(5000, 10000)),
        make_span("two", layer="a", slot=Slot(4000, 9000)),
    )

    assert find_collisions([one, apart]) == []
    assert [each.share for each in find_collisions([one, across])] == [0.1]


def test_the_same_touchpoint_comes_first_and_is_named() -> None:
    """It is where changes spoil each other most."""
    spans = [
        make_span("a"),
        make_span("b", touchpoints=("form",)),
        make_span("c", touchpoints=("form", "cart")),
    ]
    first = find_collisions(spans)[0]

    assert (first.first, first.second, first.touchpoints) == ("b", "c", ("form",))
    assert "at the same touchpoint (form)" in first.sentence


@pytest.mark.parametrize("days", [(-400, -300), (-400, 400), (0, 0), (50, None)])
def test_any_bar_stays_in_the_picture(days: tuple[int, int | None]) -> None:
    """However long its name, wherever it lies."""
    shown = gantt.Range(DAY - timedelta(weeks=13), DAY + timedelta(weeks=8), DAY)
    ends = None if days[1] is None else DAY + timedelta(days=days[1])
    bar = gantt.Bar(
        "<b>" * 90,
        "/x",
        DAY + timedelta(days=days[0]),
        ends,
        "running",
        is_planned=True,
        is_marked=True,
        hint="",
    )
    drawn = str(gantt.draw([bar], shown, "A sentence."))

    assert "<b>" not in drawn
    assert 'aria-label="A sentence."' in drawn


@pytest.fixture(name="app")
def _app(settings: Settings, clock: FakeClock) -> Iterator[Flask]:
    """Return a shop in which two experiments run at once, and one is over."""
    app = make_shop_app(settings, clock)
    start(app, "shorter-form", days_ago=20)
    start(app, "free-delivery", days_ago=10)
    start(app, "hostile", days_ago=60, stop_after=20)
    yield app
    app.extensions["abplat"].close()


def test_the_page_says_what_may_collide(app: Flask) -> None:
    """In a sentence, beside the picture and a table of it."""
    page = html.unescape(app.test_client().get(PAGE).get_data(as_text=True))

    assert "Shorter form and Free delivery change the same journey from 2026-02-22 to 2026-03-22" in page
    assert 'role="img"' in page
    assert "3 experiments from" in page
    assert "no end planned" in page


@pytest.mark.parametrize(
    "query", ["?by=layer", "?by=touchpoint", "?weeks=52", "?by=x&weeks=y", "?journey=buy"]
)
def test_the_page_can_be_cut_otherwise(app: Flask, query: str) -> None:
    """By layer and touchpoint, over other times; names are text."""
    answer = app.test_client().get(PAGE + query)

    assert answer.status_code == 200
    assert "<script>" not in answer.get_data(as_text=True)
    assert "Shorter form" in answer.get_data(as_text=True)


def test_a_journey_without_experiments_says_so(app: Flask) -> None:
    """Not an empty picture."""
    assert "Nothing to show" in app.test_client().get(f"{PAGE}?journey=none").get_data(as_text=True)


def test_machines_are_told_the_same(app: Flask, clock: FakeClock) -> None:
    """Experiments with their times, and the pairs."""
    with app.extensions["abplat"].writers.begin() as session:
        token = keys.create(session, "shop", "admin", now=clock()).token
    headers = {"Authorization": f"Bearer {token}"}
    found = app.test_client().get("/v1/timeline", headers=headers).get_json()

    assert [each["key"] for each in found["experiments"]] == ["hostile", "shorter-form", "free-delivery"]
    assert [(each["first"], each["second"]) for each in found["collisions"]] == [
        ("shorter-form", "free-delivery")
    ]
    assert app.test_client().get("/v1/timeline?since=2026-03-01", headers=headers).status_code == 422


def test_a_scheduled_draft_is_planned(app: Flask) -> None:
    """It stands in the picture before it begins."""
    document = make_experiment(
        key="later",
        title="Later",
        schedule={"start_at": "2026-03-20T08:00:00Z", "end_at": "2026-04-10T08:00:00Z"},
    )
    platform = app.extensions["abplat"]
    with platform.writers.begin() as session:
        experiments.create(session, "shop", document, now=platform.clock())
        found = timelines.list_timeline(
            session, "shop", since=DAY, until=DAY + timedelta(days=60), now=platform.clock()
        )
    (later,) = [span for span in found.spans if span.key == "later"]

    assert (later.is_planned, later.begins.day, later.ends and later.ends.day) == (True, 20, 10)
    assert "2026-03-20" in app.test_client().get(PAGE).get_data(as_text=True)
