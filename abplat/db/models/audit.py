"""Tables of the audit trail and of the chain that seals it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from abplat.db.models.base import AutoId, Base
from abplat.db.models.columns import KEY_LENGTH, Instant, Json


class AuditEntry(Base):
    """One write: who did what to which definition, and what it was before and after.

    A row is never changed and never deleted: triggers of the database refuse it. A migration that
    makes this table anew must make them anew, too. Its seal stands in ``audit_seals``.
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


class AuditSeal(Base):
    """The place of an entry in the chain of its project; as little changed and deleted as the entry itself."""

    __tablename__ = "audit_seals"
    __table_args__ = (UniqueConstraint("project", "position"),)

    entry: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("audit.id"), primary_key=True, autoincrement=False
    )
    project: Mapped[str] = mapped_column(String(KEY_LENGTH))
    position: Mapped[int] = mapped_column(BigInteger)
    previous: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64))
