"""Table of comments."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from abplat.db.models.base import AutoId, Base
from abplat.db.models.columns import KEY_LENGTH, Instant


class Comment(Base):
    """What somebody says of an experiment; taken back, its text is gone and its place stays."""

    __tablename__ = "comments"
    __table_args__ = (Index("ix_comments_project_experiment", "project", "experiment"),)

    id: Mapped[int] = mapped_column(AutoId, primary_key=True)
    project: Mapped[str] = mapped_column(String(KEY_LENGTH), ForeignKey("projects.key"))
    experiment: Mapped[str] = mapped_column(String(KEY_LENGTH))
    author: Mapped[str] = mapped_column(String(256))
    """As the audit trail calls them."""
    body: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(Instant)
    removed_at: Mapped[datetime | None] = mapped_column(Instant)
