"""Table of sightings."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from abplat.db.models.base import Base
from abplat.db.models.columns import KEY_LENGTH, Instant


class Sighting(Base):
    """When events of one kind and name last came from one channel; written by the drain."""

    __tablename__ = "sightings"

    project: Mapped[str] = mapped_column(String(KEY_LENGTH), primary_key=True)
    kind: Mapped[str] = mapped_column(String(16), primary_key=True)
    name: Mapped[str] = mapped_column(String(256), primary_key=True)
    """Name of the touchpoint, key of the experiment of an exposure."""
    channel: Mapped[str] = mapped_column(String(256), primary_key=True)
    """Empty where an event names none."""
    last_seen: Mapped[datetime] = mapped_column(Instant)
