"""The metric catalogue and the card of a metric."""

from __future__ import annotations

import html
from collections.abc import Iterator

import pytest
from flask import Flask

from abplat.config import Settings
from abplat.domain.metric_history import CapEffect, DayRow, Detectable, MetricHistory, SplitCheck
from abplat.services import keys, metrics
from abplat.web.metric_card import list_steps
from tests.conftest import FakeClock
from tests.web import report_factory as factory
from tests.web.people_app import send
from tests.web.shop_app import keep_report, make_shop_app, start

PAGE = "/projects/shop/metrics"


@pytest.fixture(name="app")
def _app(settings: Settings, clock: FakeClock) -> Iterator[Flask]:
    """Return a shop with two reports and a metric of two versions."""
    app = make_shop_app(settings, clock)
    for key in ("shorter-form", "free-delivery"):
        start(app, key, days_ago=30)
    keep_report(app, "shorter-form")
    keep_report(app, "free-delivery", factory.make_blocked())
    clock.advance(hours=1)
    with app.extensions["abplat"].writers.begin() as session:
        changes = {
            "match": [{"event": "call", "channel": "phone", "props": {"topic": ["price", "tent"]}}],
            "description": "Calls.",
        }
        metrics.update(session, "shop", "calls", changes, now=clock())
    yield app
    app.extensions["abplat"].close()


def get(app: Flask, path: str = "") -> str:
    """Fetch a page."""
    answer = app.test_client().get(PAGE + path)

    assert answer.status_code == 200
    return answer.get_data(as_text=True)


@pytest.mark.parametrize(
    ("query", "n"),
    [
        ("", 3),
        ("?q=clicks", 1),
        ("?kind=completion", 1),
        ("?journey=buy", 1),
        ("?owner=Ada", 2),
        ("?q=zzz", 0),
    ],
)
def test_the_catalogue_is_searched_and_filtered(app: Flask, query: str, n: int) -> None:
    """By words, kind, journey and owner."""
    assert get(app, query).count('<tr><th scope="row">') == n


def test_a_card_says_what_is_counted_and_over_whom(app: Flask) -> None:
    """In words, with the direction, the margin and the role it usually plays."""
    page = html.unescape(get(app, "/completed"))

    for words in ("Customers with a completed journey", "every exposed customer whose horizon has passed",
                  "More is better", "Usually a goal: 3 of 3 times", "Shorter form", "Free delivery"):  # fmt: skip
        assert words in page, words


def test_a_card_shows_what_moved_the_metric(app: Flask) -> None:
    """With the verdict, which is withheld where a check failed."""
    page = get(app, "/completed")

    assert "In control" in page
    assert "Not trusted" in page
    assert 'aria-label="Value in control over 2 experiments' in page


def test_a_card_shows_versions_with_their_differences(app: Flask) -> None:
    """What was, and what is; names are text."""
    page = get(app, "/calls")

    assert "Version 2" in page
    assert "<ins>call in phone with topic price, tent</ins>" in page
    assert "<script>" not in page
    assert app.test_client().get(f"{PAGE}/none").status_code == 404


def test_the_first_version_has_nothing_to_differ_from() -> None:
    """Later ones name each field that changed."""
    steps = list_steps([{"version": 1, "title": "A"}, {"version": 2, "title": "B"}])

    assert [(step.version, [each.field for each in step.changes]) for step in steps] == [
        (2, ["Title"]),
        (1, []),
    ]


def test_machines_are_told_the_same(app: Flask, clock: FakeClock) -> None:
    """One row per experiment and variant."""
    with app.extensions["abplat"].writers.begin() as session:
        token = keys.create(session, "shop", "admin", now=clock()).token
    found = app.test_client().get(
        "/v1/metrics/completed/effects", headers={"Authorization": f"Bearer {token}"}
    )
    items = found.get_json()["items"]

    assert {each["experiment"] for each in items} == {"shorter-form", "free-delivery"}
    assert all(each["role"] == "primary" for each in items)
    assert {each["verdict"] for each in items if each["experiment"] == "free-delivery"} == {"not_trusted"}


def test_a_card_shows_what_the_past_says(app: Flask, clock: FakeClock) -> None:
    """Trend, noise, what a test could show, and whether equal halves differ too often."""
    check = SplitCheck(
        splits=1_000,
        alpha=0.05,
        n_rejected=112,
        rate=0.112,
        ci_lower=0.088,
        ci_upper=0.139,
        is_suspicious=True,
    )
    history = MetricHistory(
        metric="completed", as_of="2026-03-04T09:00:00Z", horizon="7d", source="exposures", window_from=None, window_to=None,
        n=12_345, value=0.12, variance=0.1056, skewness=2.3, covariate_gain=0.31,
        days=(DayRow(day="2026-03-01", n=90, value=0.1, variance=0.09), DayRow(day="2026-03-02", n=80, value=0.14, variance=0.1)),
        capping=CapEffect(quantile=0.999, cap=1.0, share_capped=0.001, value=0.12, variance=0.1),
        mde=(Detectable(weeks=2, n_units=4_000, mde=0.12), Detectable(weeks=4, n_units=0, mde=None, reason="no_units")),
        false_positives=check,
    )  # fmt: skip
    with app.extensions["abplat"].writers.begin() as session:
        metrics.store_history(session, "shop", history, now=clock())
    page = html.unescape(get(app, "/completed")).replace("\u202f", " ")

    for words in ("between 10.0 % and 14.0 %", "12,345, by their first exposures", "31.0 %", "2 weeks", "Cries wolf",
                  "112 of 1,000 random splits", "where 5 % is right"):  # fmt: skip
        assert words in page, words


def test_the_past_is_read_when_an_analyst_asks(app: Flask) -> None:
    """By the worker; the page says so."""
    assert "Nobody has asked the worker" in get(app, "/clicks")
    client = app.test_client()
    answer = send(client, f"{PAGE}/clicks/history", page=f"{PAGE}/clicks")

    assert answer.status_code == 303
    assert "The worker reads the past now" in client.get(answer.headers["Location"]).get_data(as_text=True)
