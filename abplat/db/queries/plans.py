"""Read plans, and remove old ones."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CursorResult, delete, select, tuple_
from sqlalchemy.orm import Session

from abplat.db.models.jobs import jobs
from abplat.db.models.plans import StoredPlan
from abplat.errors import NotFoundError


def get(session: Session, project: str, plan_id: str) -> StoredPlan:
    """Return a plan.

    Raises:
        NotFoundError: If the project has none of this id; another project's looks just the same.
    """
    wanted = select(StoredPlan).where(StoredPlan.project == project, StoredPlan.id == plan_id)
    found = session.scalars(wanted).one_or_none()
    if found is None:
        raise NotFoundError(f"this project has no plan {plan_id[:64]!r}")
    return found


def list_(
    session: Session, project: str, *, before: tuple[datetime, str] | None, limit: int
) -> list[tuple[StoredPlan, str | None]]:
    """Return the youngest plans of a project with the state of their jobs, before a place in time."""
    wanted = (
        select(StoredPlan, jobs.c.state)
        .outerjoin(jobs, jobs.c.id == StoredPlan.job)
        .where(StoredPlan.project == project)
        .order_by(StoredPlan.created_at.desc(), StoredPlan.id.desc())
        .limit(limit)
    )
    if before is not None:
        wanted = wanted.where(tuple_(StoredPlan.created_at, StoredPlan.id) < before)
    return [(plan, state) for plan, state in session.execute(wanted)]


def remove_older(session: Session, before: datetime) -> int:
    """Remove the plans of all projects that were asked for before an instant; return how many."""
    done = session.execute(delete(StoredPlan).where(StoredPlan.created_at < before))
    return done.rowcount if isinstance(done, CursorResult) else 0
