"""Tables of the ledger of assignments and of its conflicts."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from abplat.db.models.base import AutoId, Base
from abplat.db.models.columns import KEY_LENGTH, Instant


class Assignment(Base):
    """The variant that a unit saw first in an experiment; the earliest one wins."""

    __tablename__ = "assignments"

    project: Mapped[str] = mapped_column(String(KEY_LENGTH), ForeignKey("projects.key"), primary_key=True)
    unit: Mapped[str] = mapped_column(String(256), primary_key=True)
    """A typed id: the unit's type stands before the colon."""
    experiment: Mapped[str] = mapped_column(String(KEY_LENGTH), primary_key=True)
    variant: Mapped[str] = mapped_column(String(KEY_LENGTH))
    assigned_at: Mapped[datetime] = mapped_column(Instant)
    source: Mapped[str] = mapped_column(String(16))
    """``fresh`` as first reported for this unit, ``inherited`` from an id it was joined with."""
    channel: Mapped[str | None] = mapped_column(String(256))
    origin: Mapped[str | None] = mapped_column(String(256))
    """The id that an inherited assignment comes from."""


class AssignmentConflict(Base):
    """Two ids of one customer had met different variants: both records, and which one is served."""

    __tablename__ = "assignment_conflicts"
    __table_args__ = (
        UniqueConstraint(
            "project", "experiment", "unit", "kept_unit", "variant", name="uq_assignment_conflicts_record"
        ),
    )

    id: Mapped[int] = mapped_column(AutoId, primary_key=True)
    project: Mapped[str] = mapped_column(String(KEY_LENGTH), ForeignKey("projects.key"))
    experiment: Mapped[str] = mapped_column(String(KEY_LENGTH))
    unit: Mapped[str] = mapped_column(String(256))
    """Whose later assignment gave way."""
    variant: Mapped[str] = mapped_column(String(KEY_LENGTH))
    assigned_at: Mapped[datetime] = mapped_column(Instant)
    kept_unit: Mapped[str] = mapped_column(String(256))
    kept_variant: Mapped[str] = mapped_column(String(KEY_LENGTH))
    kept_assigned_at: Mapped[datetime] = mapped_column(Instant)
    found_at: Mapped[datetime] = mapped_column(Instant)
