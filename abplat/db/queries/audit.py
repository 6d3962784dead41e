"""Read the audit trail."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from abplat.db.models.audit import AuditEntry


def list_of(session: Session, project: str, noun: str, key: str) -> Sequence[AuditEntry]:
    """Return everything that was done to one definition, oldest first."""
    wanted = select(AuditEntry).where(
        AuditEntry.project == project, AuditEntry.noun == noun, AuditEntry.key == key
    )
    return session.scalars(wanted.order_by(AuditEntry.id)).all()
