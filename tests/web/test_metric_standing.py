"""Metrics are certified, retired, and found to have drifted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from flask import Flask

from abplat.config import Settings
from abplat.db.models.quality import arrivals
from abplat.domain.metric_drift import find_drift
from abplat.domain.metric_history import DayRow, Drift, MetricHistory
from abplat.services import keys, metrics
from tests.conftest import FakeClock
from tests.web.people_app import add_person, send, sign_in
from tests.web.setup_app import open_app
from tests.web.shop_app import make_shop_app
from tests.web.test_setups import go_to

PAGE = "/projects/shop/metrics"
STANDING = "/v1/metrics/calls/standing"


@pytest.fixture(name="app")
def _app(settings: Settings, clock: FakeClock) -> Iterator[Flask]:
    """Return a shop."""
    app = make_shop_app(settings, clock)
    yield app
    app.extensions["abplat"].close()


def call(app: Flask, method: str, path: str, **over: Any) -> Any:
    """Call the API with an admin key."""
    with app.extensions["abplat"].writers.begin() as session:
        token = keys.create(session, "shop", "admin", now=app.extensions["abplat"].clock()).token
    return app.test_client().open(path, method=method, headers={"Authorization": f"Bearer {token}"}, **over)


def make_days(*values: float, variance: float = 1.0) -> list[DayRow]:
    """Make days with a little scatter."""
    return [
        DayRow(day=f"2026-0{1 + n // 28}-{1 + n % 28:02}", n=100, value=value * (1 + 0.01 * (n % 3 - 1)), variance=variance)
        for n, value in enumerate(values)
    ]  # fmt: skip


def make_history(days: list[DayRow], **over: Any) -> MetricHistory:
    """Make what the worker would keep."""
    return MetricHistory(
        metric="calls", as_of="2026-03-04T00:00:00Z", horizon="7d", source="exposures", window_from=None,
        window_to=None, n=100, value=0.2, variance=1.0, skewness=None, covariate_gain=None, days=tuple(days), **over,
    )  # fmt: skip


def test_a_metric_is_certified_until_it_changes(app: Flask, clock: FakeClock) -> None:
    """By whom and when; a new version needs a new certificate; the trail tells every step."""
    page = send(
        app.test_client(),
        f"{PAGE}/calls/standing",
        page=f"{PAGE}/calls",
        status="certified",
        note="Agreed <b>",
    )
    certified = app.test_client().get(f"{PAGE}/calls").get_data(as_text=True)
    listed = app.test_client().get(f"{PAGE}?status=certified").get_data(as_text=True)
    with app.extensions["abplat"].writers.begin() as session:
        metrics.update(session, "shop", "calls", {"match": [{"event": "ring"}]}, now=clock())
    changed = app.test_client().get(f"{PAGE}/calls").get_data(as_text=True)
    read = call(app, "GET", STANDING).get_json()
    trail = call(app, "GET", "/v1/audit?noun=metrics&verb=certify").get_json()["items"]

    assert page.status_code == 303
    assert "Version 1 was certified by local" in certified
    assert "Agreed &lt;b&gt;" in certified
    assert listed.count('data-label="Standing"') == 1
    assert "that certificate counts no longer" in changed
    assert (read["status"], read["said"], read["definition_version"]) == ("draft", "certified", 1)
    assert trail[0]["after"] == {"status": "certified", "version": 1, "note": "Agreed <b>"}


def test_the_api_certifies_and_retires(app: Flask) -> None:
    """And lists every metric."""
    retired = call(app, "PUT", STANDING, json={"status": "retired"})
    odd = call(app, "PUT", STANDING, json={"status": "perfect"})
    nobody = call(app, "PUT", "/v1/metrics/nothing/standing", json={"status": "draft"})
    items = {
        each["metric"]: each["status"]
        for each in call(app, "GET", "/v1/metrics/standings").get_json()["items"]
    }

    assert retired.get_json()["status"] == "retired"
    assert (odd.status_code, nobody.status_code) == (422, 404)
    assert items["calls"] == "retired"
    assert set(items.values()) == {"retired", "draft"}


def test_only_an_approver_certifies(settings: Settings, clock: FakeClock) -> None:
    """An experimenter sees no form and is refused."""
    app = make_shop_app(settings, clock, "required")
    add_person(app, "eve", shop="experimenter")
    eve = sign_in(app, "eve")
    refused = send(eve, f"{PAGE}/calls/standing", page="/account", status="certified", note="")

    assert refused.status_code == 403
    assert "Certify or retire it" not in eve.get(f"{PAGE}/calls").get_data(as_text=True)
    app.extensions["abplat"].close()


@pytest.mark.parametrize(
    ("days", "measures"),
    [
        (make_days(*[0.2] * 40), []),
        (make_days(*[0.2] * 26, *[0.3] * 14), ["value"]),
        (make_days(*[0.2] * 26, *[0.205] * 14), []),
        (make_days(*[0.2] * 26) + make_days(*[0.2] * 14, variance=3.0), ["variance"]),
        (make_days(*[0.2] * 5, *[0.9] * 14), []),
        (make_days(*[0.0] * 26, *[0.5] * 14), ["value"]),
        ([], []),
    ],
    ids=["steady", "jump", "small", "wider", "too short", "from nothing", "nothing"],
)
def test_drift_is_found(days: list[DayRow], measures: list[str]) -> None:
    """A jump of value or variance, no noise, and nothing where there is too little."""
    assert [each.measure for each in find_drift(days)] == measures


def test_a_drifted_metric_says_so(app: Flask, clock: FakeClock) -> None:
    """In the list and on its card, with what to do; and that the past is of another version."""
    history = make_history(
        make_days(*[0.2] * 40), drift=(Drift(measure="value", before=0.2, recent=0.3),), definition_version=7
    )
    with app.extensions["abplat"].writers.begin() as session:
        metrics.store_history(session, "shop", history, now=clock())
    page = app.test_client().get(f"{PAGE}/calls").get_data(as_text=True)
    listed = app.test_client().get(PAGE).get_data(as_text=True)

    assert "The value has left its history" in page
    assert "was read of version 7" in page
    assert listed.count("Drifted") == 1


def test_bad_days_are_marked(app: Flask, clock: FakeClock) -> None:
    """On the line and in words, from what the door counted."""
    from datetime import date

    day = (date(2026, 1, 3) - date(1970, 1, 1)).days
    with app.extensions["abplat"].writers.begin() as session:
        for measure, n in (("accepted", 90), ("refused", 10)):
            session.execute(arrivals.insert().values(project="shop", day=day, measure=measure, n=n))
        marked = metrics.mark_history(session, "shop", make_history(make_days(*[0.2] * 40)))
        metrics.store_history(session, "shop", marked, now=clock())
    page = app.test_client().get(f"{PAGE}/calls").get_data(as_text=True)
    answered = call(app, "GET", "/v1/metrics/calls/history").get_json()

    assert "<li>2026-01-03: 10% of the events were refused</li>" in page
    assert "On 1 of these days the data were not as they should be." in page
    assert answered["marks"] == [msgspec.to_builtins(marked.marks[0])]
    assert answered["definition_version"] == 1


def test_a_retired_metric_is_not_proposed(settings: Settings, clock: FakeClock) -> None:
    """In the set-up of an experiment, unless it was chosen before."""
    with open_app(settings, clock) as app:
        setup = go_to(app.test_client(), "decides")
        before = app.test_client().get(f"{setup}/decides").get_data(as_text=True)
        call(app, "PUT", STANDING, json={"status": "retired"})
        after = app.test_client().get(f"{setup}/decides").get_data(as_text=True)

    assert 'name="role-calls"' in before
    assert 'name="role-calls"' not in after
