"""Table of phases."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from abplat.db.models.base import AutoId, Base
from abplat.db.models.columns import Instant, Json


class Phase(Base):
    """What customers of an experiment were divided by from one instant to the next; never changed."""

    __tablename__ = "phases"

    experiment_id: Mapped[int] = mapped_column(AutoId, ForeignKey("experiments.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    """``start``, ``widen``, ``reweigh`` or ``reset``."""
    salt: Mapped[str] = mapped_column(String(32))
    weights: Mapped[Any] = mapped_column(Json)
    included: Mapped[int] = mapped_column()
    reason: Mapped[str] = mapped_column(Text)
    started_at: Mapped[datetime] = mapped_column(Instant)
    counts_from: Mapped[datetime] = mapped_column(Instant)
    """Customers first exposed from here on belong to the analysis; widening keeps it."""
