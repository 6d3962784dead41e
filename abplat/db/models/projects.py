"""Table of projects."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, String, UniqueConstraint, false
from sqlalchemy.orm import Mapped, declared_attr, mapped_column

from abplat.db.models.base import AutoId, Base
from abplat.db.models.columns import KEY_LENGTH, Instant, Json


class Versioned:
    """What every definition has: a version that grows with each change, and its times.

    The version is the ETag of the API; SQLAlchemy compares it in the UPDATE itself, so the second
    of two writers is refused by the database.
    """

    version: Mapped[int] = mapped_column()
    created_at: Mapped[datetime] = mapped_column(Instant)
    updated_at: Mapped[datetime] = mapped_column(Instant)

    @declared_attr.directive
    @classmethod
    def __mapper_args__(cls) -> dict[str, Any]:
        """Let the database compare versions."""
        return {"version_id_col": cls.__table__.c.version, "eager_defaults": True}  # type: ignore[attr-defined]


class Project(Versioned, Base):
    """One project."""

    __tablename__ = "projects"

    key: Mapped[str] = mapped_column(String(KEY_LENGTH), primary_key=True)
    title: Mapped[str] = mapped_column(String(200))
    fill_standing: Mapped[bool] = mapped_column(server_default=false(), default=True)
    keep_facts: Mapped[str | None] = mapped_column(String(16))
    approvals: Mapped[Any] = mapped_column(Json, nullable=True)
    """Actions that a second person must agree to; None for none."""


class Definition(Versioned):
    """What every noun inside a project has: a key of its own there, and its document."""

    id: Mapped[int] = mapped_column(AutoId, primary_key=True)
    key: Mapped[str] = mapped_column(String(KEY_LENGTH))
    document: Mapped[Any] = mapped_column(Json)
    archived_at: Mapped[datetime | None] = mapped_column(Instant)

    @declared_attr
    @classmethod
    def project(cls) -> Mapped[str]:
        """Name the project that owns the definition."""
        return mapped_column(String(KEY_LENGTH), ForeignKey("projects.key"))

    @declared_attr.directive
    @classmethod
    def __table_args__(cls) -> tuple[Any, ...]:
        """Let the database refuse a second definition of the same key."""
        return (UniqueConstraint("project", "key"),)
