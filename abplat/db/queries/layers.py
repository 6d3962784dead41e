"""Take a layer for the time of a transaction."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from abplat.db.models.layers import Layer


def lock(session: Session, project: str, key: str) -> Layer:
    """Return a layer that no other transaction can take before this one ends.

    Two experiments that start at once would otherwise both find the slot free. PostgreSQL locks
    the row; a writing transaction on SQLite is alone anyway.
    """
    wanted = select(Layer).where(Layer.project == project, Layer.key == key).with_for_update()
    return session.scalars(wanted).one()
