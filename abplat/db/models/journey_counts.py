"""Table of counts: how many customers walked a journey, or what may become one, in the last weeks."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from abplat.db.models.base import Base
from abplat.db.models.columns import KEY_LENGTH, Instant, Json


class JourneyCount(Base):
    """The latest count of one definition, named by the digest of all that is counted by."""

    __tablename__ = "journey_counts"
    __table_args__ = (CheckConstraint("state IN ('queued', 'done', 'failed')", name="state"),)

    project: Mapped[str] = mapped_column(String(KEY_LENGTH), ForeignKey("projects.key"), primary_key=True)
    digest: Mapped[str] = mapped_column(String(32), primary_key=True)
    job: Mapped[int | None] = mapped_column(BigInteger)
    state: Mapped[str] = mapped_column(String(16))
    definition: Mapped[Any] = mapped_column(Json)
    answer: Mapped[Any] = mapped_column(Json, nullable=True)
    fault: Mapped[str | None] = mapped_column(String(1000))
    asked_at: Mapped[datetime] = mapped_column(Instant)
    finished_at: Mapped[datetime | None] = mapped_column(Instant)
