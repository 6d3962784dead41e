"""The job that plans: request from the database, history from the lake, answer back."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.orm import Session

from abplat.config import Settings
from abplat.db.engine import make_engine
from abplat.db.upgrade import upgrade
from abplat.errors import NotFoundError
from abplat.jobs.context import JobContext
from abplat.jobs.plan import run
from abplat.services import catalogue, planning
from tests.analysis.simulated import JOURNEY, METRICS, Shop, Truth

NOW = datetime(2026, 3, 30, tzinfo=UTC)


@pytest.fixture
def context(tmp_path: Path) -> JobContext:
    """Define a project with a draft, and a past."""
    settings = Settings(data_dir=tmp_path)
    engine = make_engine(settings.sql_url)
    upgrade(engine)
    document = {
        "project": {"key": "shop", "title": "Shop"},
        "journeys": [JOURNEY],
        "metrics": METRICS,
        "experiments": [
            {
                "key": "next", "title": "Next", "owner": "Ada", "journey": "buy", "horizon": "7d",
                "variants": [{"key": "control", "weight": 5000}, {"key": "treatment", "weight": 5000}],
                "metrics": [{"metric": "completed", "role": "primary"}],
            }
        ],
    }  # fmt: skip
    with Session(engine) as session, session.begin():
        catalogue.apply(session, document, now=NOW)
    shop = Shop(tmp_path)
    shop.run({"control": Truth()}, n=400)
    return JobContext(settings=settings, clock=lambda: NOW, engine=engine, lake=shop.write())


def plan(context: JobContext, document: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Ask for a plan, run its job and return what the worker prints and the plan."""
    with Session(context.engine) as session, session.begin():
        plan_id = planning.create(session, "shop", document, now=NOW)["id"]
    outcome = run(context, {"project": "shop", "plan": plan_id})
    assert outcome.publish is not None
    with Session(context.engine) as session, session.begin():
        outcome.publish(session)
    with Session(context.engine) as session:
        return outcome.detail, planning.get(session, "shop", plan_id)


def test_an_answer_from_history_is_kept(context: JobContext) -> None:
    """With its assumptions; the worker's line says the main result."""
    detail, found = plan(context, {"experiment": "next", "effect": 0.3})

    assert found["state"] == "done"
    assert found["answer"]["history"]["source"] == "first_touchpoints"
    assert found["answer"]["size"]["n_units"] > 100
    assert detail.startswith(f"{found['answer']['size']['n_units']:,} units")


def test_numbers_need_no_history(context: JobContext) -> None:
    """29,498 units, as statistics has it."""
    _, found = plan(context, {"outcome": {"kind": "proportion", "baseline": 0.1}, "effect": 0.1})

    assert found["answer"]["size"]["n_units"] == 29_498


def test_a_missing_part_is_told_in_words(context: JobContext) -> None:
    """No effect, no size: the worker's line says so."""
    detail, found = plan(context, {"metric": "revenue", "journey": "buy", "horizon": "7d"})

    assert found["state"] == "done"
    assert found["answer"]["weeks"][0]["mde"] > 0
    assert "effect" in detail


def test_what_the_past_forbids_is_refused_once(context: JobContext) -> None:
    """The job is done: trying again would give the same."""
    detail, found = plan(context, {"experiment": "next", "effect": 9})

    assert (found["state"], found["problems"][0]["path"]) == ("failed", "effect")
    assert detail.startswith("refused")


def test_a_job_without_its_plan_fails(context: JobContext) -> None:
    """And says that there is none."""
    with pytest.raises(NotFoundError):
        run(context, {"project": "shop"})
