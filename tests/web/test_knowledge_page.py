"""The knowledge base: what is found, in which order, and what resembles what."""

from __future__ import annotations

import html
from collections.abc import Iterator

import pytest
from flask import Flask

from abplat.config import Settings
from abplat.services import keys
from tests.conftest import FakeClock
from tests.web.shop_app import HOSTILE, conclude, keep_report, make_shop_app, start

PAGE = "/projects/shop/knowledge"


@pytest.fixture(name="app")
def _app(settings: Settings, clock: FakeClock) -> Iterator[Flask]:
    """Return a shop that has concluded three experiments."""
    app = make_shop_app(settings, clock)
    for key in ("shorter-form", "free-delivery", "hostile"):
        start(app, key, days_ago=30, stop_after=20)
    keep_report(app, "shorter-form")
    conclude(app, "shorter-form", note="Kürzere Formulare verkaufen mehr.")
    conclude(app, "free-delivery", "lost", "Free delivery costs more than it brings.", None)
    conclude(app, "hostile", "inconclusive", HOSTILE, "control")
    yield app
    app.extensions["abplat"].close()


def get(app: Flask, query: str = "") -> str:
    """Fetch the page."""
    answer = app.test_client().get(PAGE + query)

    assert answer.status_code == 200
    return answer.get_data(as_text=True)


def test_a_lesson_has_outcome_effect_and_words(app: Flask) -> None:
    """What was learned, what it did to the goal, what was shipped."""
    page = html.unescape(get(app, "?q=shorter"))

    for words in (
        "Kürzere Formulare",
        "Won",
        "Plausible change",
        "We believe a shorter form",
        "treatment is what everybody gets",
    ):
        assert words in page, words
    assert "Free delivery costs" not in page


@pytest.mark.parametrize(
    ("query", "n"),
    [
        ("", 3), ("?q=kurzere+FORM", 1), ("?q=completed", 3), ("?q=deliv", 1), ("?q=form+delivery", 0), ("?q=%25", 0),
        ("?outcome=lost", 1), ("?metric=clicks", 1), ("?owner=ada", 2), ("?journey=none", 0), ("?q=worse", 1),
        ("?q=%27%22%3B--", 0), ("?like=free-delivery", 2), ("?page=9", 0),
    ],
)  # fmt: skip
def test_every_word_and_filter_narrows(app: Flask, query: str, n: int) -> None:
    """Accents and case make no difference; punctuation is no word and finds nothing."""
    assert get(app, query).count('<article class="lesson">') == n


def test_likeness_goes_by_journey_metrics_and_words(app: Flask) -> None:
    """The page says what it shows, and an experiment is never like itself."""
    page = get(app, "?like=shorter-form")

    assert "resemble" in page
    assert page.count('<article class="lesson">') == 2
    assert app.test_client().get(f"{PAGE}?like=nothing").status_code == 404


def test_names_are_shown_as_text(app: Flask) -> None:
    """In titles, owners and notes."""
    page = get(app)

    assert "<script>" not in page
    assert "{{7*7}}" in page


def test_the_result_page_leads_to_similar_ones(app: Flask) -> None:
    """One link, for whoever thinks of doing it again."""
    page = app.test_client().get("/projects/shop/experiments/shorter-form").get_data(as_text=True)

    assert "knowledge?like=shorter-form" in page


def test_machines_search_the_same(app: Flask, clock: FakeClock) -> None:
    """The best answer first, with its effect."""
    with app.extensions["abplat"].writers.begin() as session:
        token = keys.create(session, "shop", "admin", now=clock()).token
    headers = {"Authorization": f"Bearer {token}"}
    found = app.test_client().get("/v1/knowledge?q=form&limit=1", headers=headers).get_json()
    (first,) = found["items"]

    assert (first["key"], first["outcome"], found["total"]) == ("shorter-form", "won", 1)
    assert first["rel_ci_lower"] < first["rel_effect"] < first["rel_ci_upper"]
    assert app.test_client().get("/v1/knowledge?outcome=x", headers=headers).status_code == 422
