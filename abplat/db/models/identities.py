"""Table of the joins made by identify, as the ledger of assignments needs them at once."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from abplat.db.models.base import Base
from abplat.db.models.columns import KEY_LENGTH, Instant


class IdentityJoin(Base):
    """One id that was said to belong to a known one; the first time counts."""

    __tablename__ = "identity_joins"
    __table_args__ = (Index("ix_identity_joins_project_known", "project", "known"),)

    project: Mapped[str] = mapped_column(String(KEY_LENGTH), ForeignKey("projects.key"), primary_key=True)
    anonymous: Mapped[str] = mapped_column(String(256), primary_key=True)
    known: Mapped[str] = mapped_column(String(256), primary_key=True)
    joined_at: Mapped[datetime] = mapped_column(Instant)
