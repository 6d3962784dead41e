"""Job: analyse an experiment and keep the Report."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from abplat.clock import parse_instant
from abplat.domain.report import Report
from abplat.errors import InvalidInputError
from abplat.facts.drain import Drain
from abplat.jobs.context import JobContext, Outcome
from abplat.services import experiments, reports


def run(context: JobContext, payload: dict[str, Any]) -> Outcome:
    """Analyse ``payload["experiment"]`` of ``payload["project"]`` as of ``payload["as_of"]`` (now).

    The intake is drained first, so that the Report covers every event acknowledged before it.
    """
    project, experiment = _required(payload, "project"), _required(payload, "experiment")
    Drain(context.engine, context.lake).run_waiting()
    as_of = parse_instant(payload["as_of"], "as_of") if payload.get("as_of") else context.clock()
    report = analyse_experiment(context, project, experiment, as_of)
    now = context.clock()

    def publish(session: Session) -> None:
        reports.store(session, report, now=now)

    words = ", ".join(f"{verdict.variant} {verdict.word.lower()}" for verdict in report.verdicts)
    return Outcome(f"{experiment}: {words}", publish)


def analyse_experiment(context: JobContext, project: str, experiment: str, as_of: datetime) -> Report:
    """Load the frozen plan of an experiment and analyse it.

    Raises:
        NotFoundError: If there is no such experiment.
    """
    from abplat.analysis.plan import make_plan  # noqa: PLC0415  slow to import, and only a worker needs it
    from abplat.analysis.scorecard import analyse  # noqa: PLC0415

    with context.sessions() as session:
        found = experiments.get_analysis(session, project, experiment, as_of)
    plan = make_plan(found.pop("plan"), **found)
    return analyse(context.lake, plan, as_of, context.settings)


def _required(payload: dict[str, Any], name: str) -> str:
    """Return a text that a job cannot do without."""
    value = payload.get(name)
    if not isinstance(value, str) or not value:
        raise InvalidInputError.at(name, "is missing from the job", "required")
    return value
