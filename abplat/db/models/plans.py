"""Table of plans."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from abplat.db.models.base import Base
from abplat.db.models.columns import KEY_LENGTH, Instant, Json


class StoredPlan(Base):
    """One request for a plan; its answer once the worker has found it, or why there is none."""

    __tablename__ = "plans"
    __table_args__ = (
        CheckConstraint("state IN ('queued', 'done', 'failed')", name="state"),
        Index("ix_plans_project_created_at", "project", "created_at"),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    project: Mapped[str] = mapped_column(String(KEY_LENGTH), ForeignKey("projects.key"))
    job: Mapped[int | None] = mapped_column(BigInteger)
    state: Mapped[str] = mapped_column(String(16))
    request: Mapped[Any] = mapped_column(Json)
    answer: Mapped[Any] = mapped_column(Json, nullable=True)
    problems: Mapped[Any] = mapped_column(Json, nullable=True)
    created_at: Mapped[datetime] = mapped_column(Instant)
    finished_at: Mapped[datetime | None] = mapped_column(Instant)
