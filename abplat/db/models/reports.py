"""The table of frozen reports."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import DateTime, Index, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from abplat.db.models.base import AutoId, Base


class StoredReport(Base):
    """One Report as it was computed: its JSON is never changed."""

    __tablename__ = "reports"
    __table_args__ = (
        UniqueConstraint("project", "experiment", "hash"),
        Index(None, "project", "experiment", "as_of"),
    )

    id: Mapped[int] = mapped_column(AutoId, primary_key=True, autoincrement=True)
    project: Mapped[str] = mapped_column(String(64))
    experiment: Mapped[str] = mapped_column(String(64))
    as_of: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    hash: Mapped[str] = mapped_column(String(64))
    document: Mapped[bytes] = mapped_column(LargeBinary)
