"""Read plans."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

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
