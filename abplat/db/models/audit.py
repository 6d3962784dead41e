"""Table of the audit trail."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from abplat.db.models.base import AutoId, Base
from abplat.db.models.columns import KEY_LENGTH, Instant, Json


class AuditEntry(Base):
    """One write: who did what to which definition, and what it was before and after.

    A row is never changed and never deleted: triggers of the database refuse it. A migration that
    makes this table anew must make them anew, too.
    """

    __tablename__ = "audit"
    __table_args__ = (
        Index("ix_audit_project_noun_key", "project", "noun", "key"),
        Index("ix_audit_project_at", "project", "at"),
    )

    id: Mapped[int] = mapped_column(AutoId, primary_key=True)
    project: Mapped[str] = mapped_column(String(KEY_LENGTH))
    at: Mapped[datetime] = mapped_column(Instant)
    actor: Mapped[str] = mapped_column(String(256))
    """``user:<e-mail>`` for people, ``key:<selector>`` for keys, ``cli:<user>`` for the command line, ``job:<name>``."""
    address: Mapped[str | None] = mapped_column(String(64))
    """Where the request came from."""
    verb: Mapped[str] = mapped_column(String(16))
    noun: Mapped[str] = mapped_column(String(32))
    key: Mapped[str] = mapped_column(String(KEY_LENGTH))
    before: Mapped[Any] = mapped_column(Json, nullable=True)
    after: Mapped[Any] = mapped_column(Json, nullable=True)
