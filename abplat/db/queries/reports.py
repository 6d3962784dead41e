"""Read and keep reports."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session, aliased

from abplat.db.models.reports import StoredReport
from abplat.errors import NotFoundError


def latest(session: Session, project: str, experiment: str) -> StoredReport:
    """Return the youngest report of an experiment.

    Raises:
        NotFoundError: If it has not been analysed yet.
    """
    wanted = (
        select(StoredReport)
        .where(StoredReport.project == project, StoredReport.experiment == experiment)
        .order_by(StoredReport.as_of.desc(), StoredReport.id.desc())
        .limit(1)
    )
    found = session.scalars(wanted).one_or_none()
    if found is None:
        message = (
            f"experiment {experiment!r} has no report yet; start it, send events, and ask for an analysis"
        )
        raise NotFoundError(message)
    return found


def list_(session: Session, project: str, experiment: str, limit: int) -> Sequence[StoredReport]:
    """Return the reports of an experiment, youngest first."""
    wanted = select(StoredReport).where(
        StoredReport.project == project, StoredReport.experiment == experiment
    )
    return session.scalars(
        wanted.order_by(StoredReport.as_of.desc(), StoredReport.id.desc()).limit(limit)
    ).all()


def list_youngest(session: Session, project: str) -> Sequence[StoredReport]:
    """Return the youngest report of every experiment of a project, in the order of their keys."""
    later = aliased(StoredReport)
    is_later = or_(
        later.as_of > StoredReport.as_of, and_(later.as_of == StoredReport.as_of, later.id > StoredReport.id)
    )
    same = and_(later.project == StoredReport.project, later.experiment == StoredReport.experiment)
    wanted = select(StoredReport).where(
        StoredReport.project == project, ~select(later.id).where(same, is_later).exists()
    )
    return session.scalars(wanted.order_by(StoredReport.experiment)).all()
