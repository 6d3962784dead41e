"""Tables of webhooks, and of what was sent to them and by mail."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from abplat.db.models.base import AutoId, Base
from abplat.db.models.columns import KEY_LENGTH, Instant, Json


class Webhook(Base):
    """An address of elsewhere that wants to hear of what happens in a project."""

    __tablename__ = "webhooks"

    id: Mapped[int] = mapped_column(AutoId, primary_key=True)
    project: Mapped[str] = mapped_column(String(KEY_LENGTH), ForeignKey("projects.key"), index=True)
    url: Mapped[str] = mapped_column(Text)
    secret: Mapped[str] = mapped_column(String(80))
    """What messages are signed with: it must be known to both ends, so it is no hash."""
    events: Mapped[Any] = mapped_column(Json)
    created_at: Mapped[datetime] = mapped_column(Instant)
    removed_at: Mapped[datetime | None] = mapped_column(Instant)


class Delivery(Base):
    """One message to one receiver: written with what it tells of, sent by the worker, kept as the log."""

    __tablename__ = "deliveries"
    __table_args__ = (
        CheckConstraint("state IN ('waiting', 'sent', 'failed')", name="state"),
        CheckConstraint("(webhook_id IS NULL) <> (email IS NULL)", name="receiver"),
        Index("ix_deliveries_state_next_at", "state", "next_at"),
        Index("ix_deliveries_project_id", "project", "id"),
    )

    id: Mapped[int] = mapped_column(AutoId, primary_key=True)
    project: Mapped[str] = mapped_column(String(KEY_LENGTH), ForeignKey("projects.key"))
    webhook_id: Mapped[int | None] = mapped_column(AutoId, ForeignKey("webhooks.id"))
    email: Mapped[str | None] = mapped_column(String(200))
    event: Mapped[str] = mapped_column(String(32))
    message: Mapped[Any] = mapped_column(Json)
    state: Mapped[str] = mapped_column(String(16))
    tries: Mapped[int] = mapped_column()
    created_at: Mapped[datetime] = mapped_column(Instant)
    next_at: Mapped[datetime] = mapped_column(Instant)
    finished_at: Mapped[datetime | None] = mapped_column(Instant)
    status: Mapped[int | None] = mapped_column()
    """What the receiver answered, by HTTP."""
    detail: Mapped[str] = mapped_column(Text)
