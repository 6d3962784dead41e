"""The job that analyses: plan from the database, facts from the lake, Report back."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from abplat.config import Settings
from abplat.db.engine import make_engine
from abplat.db.upgrade import upgrade
from abplat.errors import InvalidInputError, NotFoundError
from abplat.facts.lake import Lake
from abplat.jobs.analyse import run
from abplat.jobs.context import JobContext
from abplat.services import experiments, journeys, metrics, projects, reports

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def context(tmp_path: Path) -> JobContext:
    """Define a project with a draft."""
    settings = Settings(data_dir=tmp_path)
    engine = make_engine(settings.sql_url)
    upgrade(engine)
    stages = [{"key": key, "title": key, "match": [{"event": key}]} for key in ("visit", "purchase")]
    with Session(engine) as session, session.begin():
        projects.create(session, {"key": "shop", "title": "Shop"}, now=NOW)
        journeys.create(
            session,
            "shop",
            {"key": "buy", "title": "Buy", "owner": "Ada", "window": "7d", "stages": stages},
            now=NOW,
        )
        bought = {"key": "bought", "title": "Bought", "owner": "Ada", "kind": "completion", "journey": "buy"}
        metrics.create(session, "shop", bought, now=NOW)
        document = {
            "key": "mail",
            "title": "Mail",
            "owner": "Ada",
            "journey": "buy",
            "variants": [{"key": "control", "weight": 5000}, {"key": "treatment", "weight": 5000}],
            "metrics": [{"metric": "bought", "role": "primary"}],
            "horizon": "7d",
        }
        experiments.create(session, "shop", document, now=NOW)
    return JobContext(settings=settings, clock=lambda: NOW, engine=engine, lake=Lake(settings.lake_dir))


def test_an_empty_experiment_gets_a_report_that_says_so(context: JobContext) -> None:
    """Stored once, though analysed twice."""
    for _ in range(2):
        outcome = run(context, {"project": "shop", "experiment": "mail"})
        assert outcome.publish is not None
        with Session(context.engine) as session, session.begin():
            outcome.publish(session)

    with Session(context.engine) as session:
        assert len(reports.list_(session, "shop", "mail")) == 1
        assert b'"code":"no_exposures"' in reports.get(session, "shop", "mail").document


def test_a_job_without_an_experiment_is_refused(context: JobContext) -> None:
    """It would fail again and again otherwise."""
    with pytest.raises(InvalidInputError):
        run(context, {"project": "shop"})
    with pytest.raises(NotFoundError):
        run(context, {"project": "shop", "experiment": "other"})
