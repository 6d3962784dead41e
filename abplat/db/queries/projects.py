"""Read projects."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from abplat.db.models.projects import Project
from abplat.errors import NotFoundError


def get(session: Session, key: str) -> Project:
    """Return a project.

    Raises:
        NotFoundError: If there is none of this key.
    """
    found = session.get(Project, key)
    if found is None:
        raise NotFoundError(f"there is no project {key[:64]!r}")
    return found


def find(session: Session, key: str) -> Project | None:
    """Return a project, or None."""
    return session.get(Project, key)


def list_all(session: Session) -> Sequence[Project]:
    """Return every project in the order of their keys."""
    return session.scalars(select(Project).order_by(Project.key)).all()
