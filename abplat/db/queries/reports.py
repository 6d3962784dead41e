"""Read and keep reports."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session, aliased

from abplat.db.models.reports import StoredReport
from abplat.errors import NotFoundError

SHORTEST = 8
"""Letters of a hash that name a report well enough."""


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


def find(session: Session, project: str, experiment: str, report_hash: str) -> StoredReport:
    """Return the report of this hash, or the only one whose hash begins so (eight letters at least).

    Raises:
        NotFoundError: If there is none, or the beginning fits several.
    """
    wanted = select(StoredReport).where(
        StoredReport.project == project,
        StoredReport.experiment == experiment,
        StoredReport.hash.startswith(report_hash, autoescape=True),
    )
    found = session.scalars(wanted.order_by(StoredReport.id.desc()).limit(2)).all()
    if len(report_hash) < SHORTEST or not found or len({row.hash for row in found}) > 1:
        raise NotFoundError(f"experiment {experiment[:64]!r} has no report {report_hash[:64]!r}")
    return found[0]


def find_made(session: Session, project: str, experiment: str, inputs_key: str) -> StoredReport | None:
    """Return the youngest report that was made of what a key names."""
    wanted = select(StoredReport).where(
        StoredReport.project == project,
        StoredReport.experiment == experiment,
        StoredReport.inputs_key == inputs_key,
    )
    return session.scalars(wanted.order_by(StoredReport.id.desc()).limit(1)).one_or_none()


def last_looks(session: Session) -> dict[tuple[str, str], datetime]:
    """Return the instant of the youngest report of every experiment, by project and key."""
    youngest = select(StoredReport.project, StoredReport.experiment, func.max(StoredReport.as_of))
    rows = session.execute(youngest.group_by(StoredReport.project, StoredReport.experiment))
    return {(project, experiment): as_of for project, experiment, as_of in rows}


def list_instants(session: Session, project: str, experiment: str) -> Sequence[tuple[int, datetime]]:
    """Return number and instant of every report of an experiment, oldest first, without their documents."""
    wanted = select(StoredReport.id, StoredReport.as_of).where(
        StoredReport.project == project, StoredReport.experiment == experiment
    )
    rows = session.execute(wanted.order_by(StoredReport.as_of, StoredReport.id)).all()
    return [(row[0], row[1]) for row in rows]


def list_by_id(session: Session, ids: Sequence[int]) -> Sequence[StoredReport]:
    """Return reports by their numbers, oldest first."""
    wanted = select(StoredReport).where(StoredReport.id.in_(ids))
    return session.scalars(wanted.order_by(StoredReport.as_of, StoredReport.id)).all()


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
