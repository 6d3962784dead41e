"""Statements on refused events."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from abplat.db.models.intake import failed_events


def list_(session: Session, project: str, limit: int, before: int | None) -> Sequence[Any]:
    """Return refused events of a project, youngest first, with numbers below ``before``."""
    query = select(failed_events).where(failed_events.c.project == project)
    if before is not None:
        query = query.where(failed_events.c.id < before)
    return session.execute(query.order_by(failed_events.c.id.desc()).limit(limit)).all()
