"""Table of the ledger of assignments."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from abplat.db.models.base import Base
from abplat.db.models.columns import KEY_LENGTH, Instant


class Assignment(Base):
    """The variant that a unit saw first in an experiment; the earliest one wins."""

    __tablename__ = "assignments"

    project: Mapped[str] = mapped_column(String(KEY_LENGTH), ForeignKey("projects.key"), primary_key=True)
    unit: Mapped[str] = mapped_column(String(256), primary_key=True)
    experiment: Mapped[str] = mapped_column(String(KEY_LENGTH), primary_key=True)
    variant: Mapped[str] = mapped_column(String(KEY_LENGTH))
    assigned_at: Mapped[datetime] = mapped_column(Instant)
    source: Mapped[str] = mapped_column(String(16))
    """``fresh`` as first reported for this unit, ``inherited`` from an id it was joined with."""
