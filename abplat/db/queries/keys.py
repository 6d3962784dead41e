"""Read and change API keys."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from abplat.db.models.keys import ApiKey


def find(session: Session, selector: str) -> ApiKey | None:
    """Return the key of a selector, or None."""
    return session.get(ApiKey, selector)


def list_(session: Session, project: str | None) -> Sequence[ApiKey]:
    """Return the keys of a project, or of all, oldest first."""
    wanted = select(ApiKey).order_by(ApiKey.created_at, ApiKey.selector)
    return session.scalars(wanted if project is None else wanted.where(ApiKey.project == project)).all()


def mark_used(session: Session, selector: str, at: datetime) -> None:
    """Note when a key was last used."""
    session.execute(update(ApiKey).where(ApiKey.selector == selector).values(last_used_at=at))
