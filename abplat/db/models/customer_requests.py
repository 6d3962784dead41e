"""Tables of what customers ask for: a copy of their data, or its erasure; and of who was erased."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from abplat.db.models.base import Base
from abplat.db.models.columns import KEY_LENGTH, Instant, Json


class CustomerRequest(Base):
    """One request about the data of a customer."""

    __tablename__ = "customer_requests"
    __table_args__ = (
        CheckConstraint("kind IN ('erase', 'export')", name="kind"),
        CheckConstraint("state IN ('queued', 'done')", name="state"),
        Index("ix_customer_requests_project_requested_at", "project", "requested_at"),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    project: Mapped[str] = mapped_column(String(KEY_LENGTH), ForeignKey("projects.key"))
    kind: Mapped[str] = mapped_column(String(16))
    state: Mapped[str] = mapped_column(String(16))
    subject: Mapped[str] = mapped_column(String(64))
    """Pseudonym of the customer, the same as in the audit trail."""
    typed_id: Mapped[str | None] = mapped_column(String(256))
    """The id that was presented; forgotten when the request is done."""
    reason: Mapped[str] = mapped_column(Text)
    requested_by: Mapped[str] = mapped_column(String(256))
    requested_at: Mapped[datetime] = mapped_column(Instant)
    finished_at: Mapped[datetime | None] = mapped_column(Instant)
    receipt: Mapped[Any] = mapped_column(Json, nullable=True)
    """What was found and where, in numbers."""
    document: Mapped[str | None] = mapped_column(Text)
    """The copy of an export, as JSON; forgotten after a day."""


class SuppressedId(Base):
    """An id of an erased person, as a keyed hash."""

    __tablename__ = "suppressed_ids"

    project: Mapped[str] = mapped_column(String(KEY_LENGTH), ForeignKey("projects.key"), primary_key=True)
    digest: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)


class SuppressionSalt(Base):
    """The secret of those hashes."""

    __tablename__ = "suppression_salts"

    project: Mapped[str] = mapped_column(String(KEY_LENGTH), ForeignKey("projects.key"), primary_key=True)
    salt: Mapped[bytes] = mapped_column(LargeBinary(32))
