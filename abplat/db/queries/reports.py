"""Find and keep frozen reports."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from abplat.db.models.reports import StoredReport


def add(session: Session, report: StoredReport) -> StoredReport:
    """Keep a report; the same one again is the one already there."""
    known = find_by_hash(session, report.project, report.experiment, report.hash)
    if known is not None:
        return known
    session.add(report)
    session.flush()
    return report


def find_by_hash(session: Session, project: str, experiment: str, digest: str) -> StoredReport | None:
    """Return the report of a hash."""
    query = select(StoredReport).where(
        StoredReport.project == project, StoredReport.experiment == experiment, StoredReport.hash == digest
    )
    return session.scalars(query).one_or_none()


def find_latest(session: Session, project: str, experiment: str, as_of: datetime | None = None) -> StoredReport | None:
    """Return the report with the latest snapshot, or the latest one up to an instant."""
    query = select(StoredReport).where(StoredReport.project == project, StoredReport.experiment == experiment)
    if as_of is not None:
        query = query.where(StoredReport.as_of <= as_of)
    return session.scalars(query.order_by(StoredReport.as_of.desc(), StoredReport.id.desc()).limit(1)).first()


def list_latest(session: Session, project: str) -> list[StoredReport]:
    """Return the latest report of every experiment of a project, by experiment key."""
    # Documents are large: the place of each report is found first, and only the newest are read.
    place = func.row_number().over(
        partition_by=StoredReport.experiment, order_by=(StoredReport.as_of.desc(), StoredReport.id.desc())
    )
    ranked = select(StoredReport.id, place.label("place")).where(StoredReport.project == project).subquery()
    query = select(StoredReport).join(ranked, ranked.c.id == StoredReport.id).where(ranked.c.place == 1)
    return list(session.scalars(query.order_by(StoredReport.experiment)))
