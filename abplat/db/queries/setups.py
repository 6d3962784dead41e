"""Read experiments that are being set up."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from abplat.db.models.setups import Setup
from abplat.errors import NotFoundError


def get(session: Session, project: str, setup_id: str) -> Setup:
    """Return a set-up.

    Raises:
        NotFoundError: If the project has none of this id; another project's looks just the same.
    """
    wanted = select(Setup).where(Setup.project == project, Setup.id == setup_id)
    found = session.scalars(wanted).one_or_none()
    if found is None:
        raise NotFoundError(f"this project has no set-up {setup_id[:64]!r}; it was finished or thrown away")
    return found


def find_of(session: Session, project: str, experiment: str) -> Setup | None:
    """Return the set-up of an experiment."""
    wanted = select(Setup).where(Setup.project == project, Setup.experiment == experiment)
    return session.scalars(wanted.order_by(Setup.created_at)).first()


def list_(session: Session, project: str, limit: int) -> Sequence[Setup]:
    """Return the set-ups of a project, the one touched last first."""
    wanted = select(Setup).where(Setup.project == project)
    return session.scalars(wanted.order_by(Setup.updated_at.desc(), Setup.id).limit(limit)).all()
