"""Table of experiments that are being set up."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from abplat.db.models.base import Base
from abplat.db.models.columns import KEY_LENGTH, Instant, Json


class Setup(Base):
    """What was answered so far. Once there is an experiment its definition is the truth, this what is not in it yet."""

    __tablename__ = "setups"
    __table_args__ = (Index("ix_setups_project_updated_at", "project", "updated_at"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    project: Mapped[str] = mapped_column(String(KEY_LENGTH), ForeignKey("projects.key"))
    author: Mapped[str] = mapped_column(String(256))
    experiment: Mapped[str | None] = mapped_column(String(KEY_LENGTH))
    question: Mapped[Any] = mapped_column(Json)
    document: Mapped[Any] = mapped_column(Json)
    plan: Mapped[str | None] = mapped_column(String(32))
    planned: Mapped[str | None] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(Instant)
    updated_at: Mapped[datetime] = mapped_column(Instant)
