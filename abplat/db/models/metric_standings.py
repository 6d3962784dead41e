"""Table of what people say of metrics: draft, certified or retired."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from abplat.db.models.base import Base
from abplat.db.models.columns import KEY_LENGTH, Instant


class MetricStanding(Base):
    """What was said of a metric last, by whom, and of which version; without a row it is a draft."""

    __tablename__ = "metric_standings"
    __table_args__ = (CheckConstraint("status IN ('draft', 'certified', 'retired')", name="status"),)

    project: Mapped[str] = mapped_column(String(KEY_LENGTH), ForeignKey("projects.key"), primary_key=True)
    metric: Mapped[str] = mapped_column(String(KEY_LENGTH), primary_key=True)
    status: Mapped[str] = mapped_column(String(16))
    definition_version: Mapped[int] = mapped_column()
    actor: Mapped[str] = mapped_column(String(256))
    at: Mapped[datetime] = mapped_column(Instant)
    note: Mapped[str] = mapped_column(String(1_000))
