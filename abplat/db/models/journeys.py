"""Tables of journeys and of their versions."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from abplat.db.models.base import AutoId, Base
from abplat.db.models.columns import Instant, Json
from abplat.db.models.projects import Definition


class Journey(Definition, Base):
    """One journey as it is now; ``definition_version`` grows when what is measured changes."""

    __tablename__ = "journeys"

    definition_version: Mapped[int] = mapped_column()


class JourneyVersion(Base):
    """One version of a journey, kept for ever: old results name it (R35)."""

    __tablename__ = "journey_versions"
    __table_args__ = (UniqueConstraint("journey_id", "definition_version"),)

    id: Mapped[int] = mapped_column(AutoId, primary_key=True)
    journey_id: Mapped[int] = mapped_column(ForeignKey("journeys.id"))
    definition_version: Mapped[int] = mapped_column()
    document: Mapped[Any] = mapped_column(Json)
    created_at: Mapped[datetime] = mapped_column(Instant)
