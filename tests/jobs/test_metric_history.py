"""The job that reads the past of a metric: trend, noise, sensitivity, random halves."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy.orm import Session

from abplat.analysis.planning.metric_history import split_at_random
from abplat.config import Settings
from abplat.db.engine import make_engine
from abplat.db.upgrade import upgrade
from abplat.errors import InvalidInputError, NotFoundError
from abplat.jobs.context import JobContext
from abplat.jobs.metric_history import run
from abplat.services import catalogue, metrics
from tests.analysis.simulated import JOURNEY, METRICS, Shop, Truth

NOW = datetime(2026, 3, 30, tzinfo=UTC)
NET = {
    "key": "net", "title": "Net", "owner": "Ada", "kind": "composite",
    "parts": [{"metric": "revenue", "weight": 1}, {"metric": "calls", "weight": -5}],
}  # fmt: skip
MEDIAN = {
    "key": "median", "title": "Median", "owner": "Ada", "kind": "quantile", "quantile": 0.5,
    "match": [{"event": "purchase"}],
}  # fmt: skip


@pytest.fixture(name="context", scope="module")
def _context(tmp_path_factory: pytest.TempPathFactory) -> JobContext:
    """Define a project, and a past."""
    folder: Path = tmp_path_factory.mktemp("history")
    settings = Settings(data_dir=folder)
    engine = make_engine(settings.sql_url)
    upgrade(engine)
    document = {
        "project": {"key": "shop", "title": "Shop"}, "journeys": [JOURNEY], "metrics": [*METRICS, NET, MEDIAN],
    }  # fmt: skip
    with Session(engine) as session, session.begin():
        catalogue.apply(session, document, now=NOW)
    shop = Shop(folder)
    shop.run({"control": Truth()}, n=500)
    return JobContext(settings=settings, clock=lambda: NOW, engine=engine, lake=shop.write())


def read(context: JobContext, key: str, **asked: Any) -> dict[str, Any]:
    """Ask for a history, run its job and return what is kept."""
    with Session(context.engine) as session, session.begin():
        assert metrics.request_history(session, "shop", key, asked, now=NOW) > 0
    outcome = run(context, {"project": "shop", "metric": key, "horizon": "7d", **asked})
    assert outcome.publish is not None
    with Session(context.engine) as session, session.begin():
        outcome.publish(session)
    with Session(context.engine) as session:
        return metrics.get_history(session, "shop", key)


def test_a_history_says_trend_noise_and_sensitivity(context: JobContext) -> None:
    """Of calls, which have a covariate."""
    found = read(context, "calls")

    assert found["source"] == "first_touchpoints"
    assert found["n"] == sum(day["n"] for day in found["days"])
    # A call before anything else is itself the first touchpoint.
    assert found["value"] == pytest.approx(0.5, abs=0.1)
    assert all(day["day"].startswith("2026-0") for day in found["days"])
    assert [row["weeks"] for row in found["mde"]] == [2, 4, 8]
    assert found["mde"][0]["mde"] > found["mde"][2]["mde"] > 0
    assert found["false_positives"]["splits"] == 1_000
    assert not found["false_positives"]["is_suspicious"]


def test_values_tell_what_a_cap_would_change(context: JobContext) -> None:
    """Revenue."""
    found = read(context, "revenue")

    assert found["capping"]["cap"] > 0
    assert found["capping"]["variance"] <= found["variance"]
    assert found["reason"] is None


def test_a_composite_is_read_with_its_parts(context: JobContext) -> None:
    """On the project's only journey."""
    assert read(context, "net")["n"] > 0


def test_what_has_no_number_per_customer_has_a_reason(context: JobContext) -> None:
    """A median."""
    found = read(context, "median")

    assert (found["n"], found["reason"]) == (0, "not_per_customer")


def test_before_the_first_reading_there_is_none(context: JobContext) -> None:
    """And a faulty request is refused."""
    with Session(context.engine) as session:
        with pytest.raises(NotFoundError, match="has not been read yet"):
            metrics.get_history(session, "shop", "form")
        with pytest.raises(InvalidInputError):
            metrics.request_history(session, "shop", "form", {"horizon": "soon"}, now=NOW)
        with pytest.raises(NotFoundError):
            metrics.request_history(session, "shop", "none", {}, now=NOW)


def test_random_halves_of_tame_numbers_differ_as_often_as_they_should() -> None:
    """And the same seed finds the same."""
    values = np.random.default_rng(1).normal(size=2_000)
    found = split_at_random(values, seed=4)

    assert found is not None
    assert not found.is_suspicious
    assert found == split_at_random(values, seed=4)


def test_one_giant_among_few_is_suspicious() -> None:
    """Its half always stands out by the same, so the statistic is no normal one."""
    values = np.zeros(400)
    values[0] = 1e6
    found = split_at_random(values, seed=4)

    assert found is not None
    assert found.rate == 0
    assert found.is_suspicious
    assert split_at_random(np.ones(10), seed=1) is None
