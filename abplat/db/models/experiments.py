"""Table of experiments."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, Index, String
from sqlalchemy.orm import Mapped, declared_attr, mapped_column

from abplat.db.models.base import Base
from abplat.db.models.columns import KEY_LENGTH, Instant, Json
from abplat.db.models.projects import Definition


class Experiment(Definition, Base):
    """One experiment; ``plan`` is everything it depends on, frozen at the start."""

    __tablename__ = "experiments"

    state: Mapped[str] = mapped_column(String(16))
    salt: Mapped[str] = mapped_column(String(32))
    hash_version: Mapped[int] = mapped_column()
    layer: Mapped[str | None] = mapped_column(String(KEY_LENGTH))
    slot_start: Mapped[int | None] = mapped_column()
    slot_end: Mapped[int | None] = mapped_column()
    started_at: Mapped[datetime | None] = mapped_column(Instant)
    stopped_at: Mapped[datetime | None] = mapped_column(Instant)
    plan: Mapped[Any] = mapped_column(Json, nullable=True)
    plan_hash: Mapped[str | None] = mapped_column(String(64))

    @declared_attr.directive
    @classmethod
    def __table_args__(cls) -> tuple[Any, ...]:
        """Let the database hold states, slots and plans in order."""
        return (
            *super().__table_args__,
            CheckConstraint("state IN ('draft', 'running', 'stopped')", name="state"),
            CheckConstraint("slot_start >= 0 AND slot_start < slot_end AND slot_end <= 10000", name="slot"),
            CheckConstraint("(layer IS NULL) = (slot_start IS NULL)", name="place"),
            CheckConstraint("state = 'draft' OR (started_at IS NOT NULL AND plan IS NOT NULL)", name="plan"),
            Index("ix_experiments_project_state", "project", "state"),
        )
