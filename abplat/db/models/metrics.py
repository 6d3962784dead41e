"""Tables of metrics, of their versions and of what the past says of them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from abplat.db.models.base import AutoId, Base
from abplat.db.models.columns import KEY_LENGTH, Instant, Json
from abplat.db.models.projects import Definition


class Metric(Definition, Base):
    """One metric as it is now; ``definition_version`` grows when what is measured changes."""

    __tablename__ = "metrics"

    definition_version: Mapped[int] = mapped_column(server_default="1")


class MetricVersion(Base):
    """One version of a metric, kept for ever."""

    __tablename__ = "metric_versions"
    __table_args__ = (UniqueConstraint("metric_id", "definition_version"),)

    id: Mapped[int] = mapped_column(AutoId, primary_key=True)
    metric_id: Mapped[int] = mapped_column(ForeignKey("metrics.id"))
    definition_version: Mapped[int] = mapped_column()
    document: Mapped[Any] = mapped_column(Json)
    created_at: Mapped[datetime] = mapped_column(Instant)


class MetricHistory(Base):
    """What the past says of a metric, as the worker found it last."""

    __tablename__ = "metric_histories"

    project: Mapped[str] = mapped_column(String(KEY_LENGTH), ForeignKey("projects.key"), primary_key=True)
    metric: Mapped[str] = mapped_column(String(KEY_LENGTH), primary_key=True)
    as_of: Mapped[datetime] = mapped_column(Instant)
    created_at: Mapped[datetime] = mapped_column(Instant)
    document: Mapped[Any] = mapped_column(Json)
