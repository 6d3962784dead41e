"""Table of experiments."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, Index, String, Text
from sqlalchemy.orm import Mapped, declared_attr, mapped_column

from abplat.db.models.base import Base
from abplat.db.models.columns import KEY_LENGTH, Instant, Json
from abplat.db.models.projects import Definition
from abplat.domain.lifecycle import STATES

_STATES = ", ".join(f"'{state}'" for state in STATES)


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
    traffic: Mapped[Any] = mapped_column(Json, nullable=True)
    """What customers are divided by in the present phase: one row holds all that is served."""
    killed_at: Mapped[datetime | None] = mapped_column(Instant)
    concluded_at: Mapped[datetime | None] = mapped_column(Instant)
    conclusion: Mapped[Any] = mapped_column(Json, nullable=True)
    template: Mapped[str | None] = mapped_column(String(KEY_LENGTH))
    is_scheduled: Mapped[bool] = mapped_column()
    ramp_step: Mapped[int | None] = mapped_column()
    ramp_since: Mapped[datetime | None] = mapped_column(Instant)
    ramp_approved: Mapped[bool] = mapped_column()
    schedule_fault: Mapped[str | None] = mapped_column(Text)
    """Why what the schedule wants could not be done."""

    @declared_attr.directive
    @classmethod
    def __table_args__(cls) -> tuple[Any, ...]:
        """Let the database hold states, slots and plans in order."""
        return (
            *super().__table_args__,
            CheckConstraint(f"state IN ({_STATES})", name="state"),
            CheckConstraint("slot_start >= 0 AND slot_start < slot_end AND slot_end <= 10000", name="slot"),
            CheckConstraint("(layer IS NULL) = (slot_start IS NULL)", name="place"),
            CheckConstraint(
                "state IN ('draft', 'checked', 'archived') OR "
                "(started_at IS NOT NULL AND plan IS NOT NULL AND traffic IS NOT NULL)",
                name="plan",
            ),
            CheckConstraint("(state = 'archived') = (archived_at IS NOT NULL)", name="archived"),
            Index("ix_experiments_project_state", "project", "state"),
            Index("ix_experiments_scheduled", "is_scheduled", "state"),
        )
