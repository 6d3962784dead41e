"""What can be done with reports: keep one, read one. They are made in ``abplat.analysis``."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from abplat.clock import parse_instant
from abplat.db.models.reports import StoredReport
from abplat.db.queries import definitions
from abplat.db.queries import reports as queries
from abplat.domain.catalogue import EXPERIMENTS
from abplat.domain.report import Report, encode_report, hash_report
from abplat.services import report_notices


def store(session: Session, report: Report, *, now: datetime) -> StoredReport:
    """Keep a report, and tell of what is new in it; the same report again is kept once."""
    document = encode_report(report)
    digest = hash_report(document)
    recent = queries.list_(session, report.project, report.experiment.key, 1)
    if recent and recent[0].hash == digest:
        return recent[0]
    row = StoredReport(
        project=report.project,
        experiment=report.experiment.key,
        as_of=parse_instant(report.inputs.as_of),
        created_at=now,
        hash=digest,
        document=document,
    )
    session.add(row)
    session.flush()
    report_notices.tell_of(session, report, recent[0].document if recent else None, now=now)
    return row


def get(session: Session, project: str, experiment: str) -> StoredReport:
    """Return the youngest report of an experiment.

    Raises:
        NotFoundError: If there is no such experiment, or no report of it yet.
    """
    definitions.get(session, EXPERIMENTS, project, experiment)
    return queries.latest(session, project, experiment)


def latest(session: Session, project: str, experiment: str) -> StoredReport:
    """Return the youngest report of an experiment, whether or not its definition is still there.

    Raises:
        NotFoundError: If there is no report of it.
    """
    return queries.latest(session, project, experiment)


def list_(session: Session, project: str, experiment: str, *, limit: int = 50) -> list[StoredReport]:
    """Return the reports of an experiment, youngest first."""
    definitions.get(session, EXPERIMENTS, project, experiment)
    return list(queries.list_(session, project, experiment, limit))
