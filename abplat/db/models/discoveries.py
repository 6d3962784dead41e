"""Table of discoveries."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from abplat.db.models.base import AutoId, Base
from abplat.db.models.columns import KEY_LENGTH, Instant, Json


class StoredDiscovery(Base):
    """What one look at the events of a project found."""

    __tablename__ = "discoveries"
    __table_args__ = (Index("ix_discoveries_project", "project"),)

    id: Mapped[int] = mapped_column(AutoId, primary_key=True)
    project: Mapped[str] = mapped_column(String(KEY_LENGTH), ForeignKey("projects.key"))
    created_at: Mapped[datetime] = mapped_column(Instant)
    document: Mapped[Any] = mapped_column(Json)
