"""Certify and retire metrics; everybody sees by whom and when."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, cast

from sqlalchemy import select
from sqlalchemy.orm import Session

from abplat.db.models.metric_standings import MetricStanding
from abplat.db.models.metrics import Metric
from abplat.db.queries import definitions as queries
from abplat.domain.catalogue import METRICS
from abplat.domain.metric_standings import CERTIFIED, DRAFT, RETIRED, Standing, judge, parse_standing
from abplat.errors import ConflictError
from abplat.services import audit

_VERBS: Final = {DRAFT: "take_back", CERTIFIED: "certify", RETIRED: "retire"}


def put(session: Session, project: str, key: str, document: Any, *, now: datetime) -> Standing:
    """Say of a metric, as it is defined now, that it is a draft, certified or retired.

    Raises:
        NotFoundError: If the project has none of this key.
        InvalidInputError: With every fault of the document.
        ConflictError: If the metric is archived.
    """
    status, note = parse_standing(document)
    metric = _get(session, project, key)
    if metric.archived_at is not None:
        raise ConflictError(f"metric {key} is archived; nothing is said of it any more")
    before = session.get(MetricStanding, (project, key))
    said = {"status": before.status, "version": before.definition_version} if before is not None else None
    row = before or MetricStanding(project=project, metric=key)
    row.status, row.definition_version = status, metric.definition_version
    row.actor, row.at, row.note = audit.actor_of(session), now, note
    session.add(row)
    session.flush()
    after = {"status": status, "version": metric.definition_version, "note": note}
    audit.record(session, now, (project, _VERBS[status], METRICS, key), said, after)
    return _describe(row, metric.definition_version)


def get(session: Session, project: str, key: str) -> Standing:
    """Return what was said of a metric.

    Raises:
        NotFoundError: If the project has none of this key.
    """
    metric = _get(session, project, key)
    row = session.get(MetricStanding, (project, key))
    return Standing() if row is None else _describe(row, metric.definition_version)


def list_(session: Session, project: str) -> dict[str, Standing]:
    """Return what was said of every metric of a project, by its key."""
    metrics = cast("list[Metric]", queries.list_all(session, METRICS, project))
    rows = session.scalars(select(MetricStanding).where(MetricStanding.project == project))
    said = {row.metric: row for row in rows}
    return {
        metric.key: _describe(said[metric.key], metric.definition_version)
        if metric.key in said
        else Standing()
        for metric in metrics
    }


def list_retired(session: Session, project: str) -> set[str]:
    """Return the metrics that should not be chosen any more."""
    wanted = select(MetricStanding.metric).where(
        MetricStanding.project == project, MetricStanding.status == RETIRED
    )
    return set(session.scalars(wanted))


def _get(session: Session, project: str, key: str) -> Metric:
    """Return a metric."""
    return cast("Metric", queries.get(session, METRICS, project, key))


def _describe(row: MetricStanding, present_version: int) -> Standing:
    """Return what a row counts for now."""
    status = judge(row.status, row.definition_version, present_version)
    return Standing(status, row.status, row.definition_version, row.actor, row.at, row.note)
