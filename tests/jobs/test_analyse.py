"""The job that analyses: plan from the database, facts from the lake, Report back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from abplat.clock import to_micros
from abplat.config import Settings
from abplat.db.engine import make_engine
from abplat.db.upgrade import upgrade
from abplat.errors import InvalidInputError, NotFoundError
from abplat.facts.drain import Drain
from abplat.facts.intake import Intake
from abplat.facts.lake import Lake
from abplat.facts.rows import ExposureRow, Row
from abplat.jobs.analyse import analyse_experiment, run
from abplat.jobs.context import JobContext
from abplat.services import experiments, journeys, metrics, phases, projects, reports
from abplat.services.experiments import Moment

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


def test_phases_and_deviations_reach_the_report(context: JobContext) -> None:
    """A reader learns what was done otherwise than planned, and whom the numbers are about."""
    later = NOW + timedelta(days=2)
    with Session(context.engine) as session, session.begin():
        experiments.start(session, "shop", "mail", Moment(NOW))
        said = {"weights": {"control": 6000, "treatment": 4000}, "reason": "too many calls"}
        phases.begin(session, "shop", "mail", said, now=later)
    ts_us = [to_micros(NOW), to_micros(later)]
    rows: list[Row] = [
        ExposureRow(f"e{n}", f"cust:{n}", "mail", ("control", "treatment")[n % 2], ts_us[n // 4], "web")
        for n in range(8)
    ]
    inbox = Intake(context.engine, context.clock)
    inbox.submit("shop", rows)
    inbox.close()
    Drain(context.engine, context.lake).run()

    early = analyse_experiment(context, "shop", "mail", NOW + timedelta(days=1)).report
    report = analyse_experiment(context, "shop", "mail", NOW + timedelta(days=3)).report
    findings = {finding.code: finding for finding in report.findings}
    assert [variant.n_exposed for variant in early.experiment.variants] == [2, 2]
    assert [(variant.n_exposed, variant.weight) for variant in report.experiment.variants] == [
        (2, 6000),
        (2, 4000),
    ]
    assert findings["phase"].evidence == {"phase": 2, "customers_of_earlier_phases": 4}
    assert "too many calls" in findings["deviations"].detail
    assert not {"phase", "deviations"} & {finding.code for finding in early.findings}
