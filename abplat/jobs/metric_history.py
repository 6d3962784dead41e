"""Job: read what the past says of a metric and keep it."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from abplat.domain.metric_history import MetricHistory
from abplat.facts.drain import Drain
from abplat.jobs.context import JobContext, Outcome
from abplat.services import metrics


def run(context: JobContext, payload: dict[str, Any]) -> Outcome:
    """Read the past of ``payload["metric"]`` of ``payload["project"]``."""
    project, key = str(payload.get("project", "")), str(payload.get("metric", ""))
    history = _read(context, project, key, payload)
    now = context.clock()

    def publish(session: Session) -> None:
        metrics.store_history(session, project, metrics.mark_history(session, project, history), now=now)

    return Outcome(f"{key}: {history.n:,} customers", publish)


def _read(context: JobContext, project: str, key: str, payload: dict[str, Any]) -> MetricHistory:
    """Read the past with what the definitions say of the metric."""
    from abplat.analysis.planning.metric_history import read_metric_history  # noqa: PLC0415  slow to import
    from abplat.analysis.planning.subject import read_subject  # noqa: PLC0415

    with context.sessions() as session:
        request, found = metrics.find_history_subject(session, project, key, payload)
    Drain(context.engine, context.lake).run_waiting()
    return read_metric_history(context.lake, read_subject(found), request, context.clock(), context.settings)
