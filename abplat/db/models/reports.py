"""Table of reports."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from abplat.db.models.base import AutoId, Base
from abplat.db.models.columns import KEY_LENGTH, Instant


class StoredReport(Base):
    """One Report as its canonical JSON, which its hash names."""

    __tablename__ = "reports"
    __table_args__ = (
        Index("ix_reports_project_experiment_as_of", "project", "experiment", "as_of"),
        Index("ix_reports_inputs_key", "inputs_key"),
    )

    id: Mapped[int] = mapped_column(AutoId, primary_key=True)
    project: Mapped[str] = mapped_column(String(KEY_LENGTH), ForeignKey("projects.key"))
    experiment: Mapped[str] = mapped_column(String(KEY_LENGTH))
    as_of: Mapped[datetime] = mapped_column(Instant)
    created_at: Mapped[datetime] = mapped_column(Instant)
    hash: Mapped[str] = mapped_column(String(64))
    document: Mapped[bytes] = mapped_column(LargeBinary)
    inputs_key: Mapped[str | None] = mapped_column(String(64))
    """Names the facts, definitions, instant and code that it was made of; the same name is the same report."""
