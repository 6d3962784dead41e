"""Tables of segments and of their versions."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from abplat.db.models.base import AutoId, Base
from abplat.db.models.columns import Instant, Json
from abplat.db.models.projects import Definition


class Segment(Definition, Base):
    """One segment as it is now; ``definition_version`` grows when its members or its rule change."""

    __tablename__ = "segments"

    definition_version: Mapped[int] = mapped_column()


class SegmentVersion(Base):
    """One version of a segment, kept for ever."""

    __tablename__ = "segment_versions"
    __table_args__ = (UniqueConstraint("segment_id", "definition_version"),)

    id: Mapped[int] = mapped_column(AutoId, primary_key=True)
    segment_id: Mapped[int] = mapped_column(ForeignKey("segments.id"))
    definition_version: Mapped[int] = mapped_column()
    document: Mapped[Any] = mapped_column(Json)
    created_at: Mapped[datetime] = mapped_column(Instant)
