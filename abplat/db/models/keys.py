"""Table of API keys."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from abplat.db.models.base import Base
from abplat.db.models.columns import KEY_LENGTH, Instant


class ApiKey(Base):
    """One key: the selector finds it, of the secret only the SHA-256 is kept."""

    __tablename__ = "api_keys"
    __table_args__ = (CheckConstraint("kind IN ('client', 'server', 'admin')", name="kind"),)

    selector: Mapped[str] = mapped_column(String(16), primary_key=True)
    project: Mapped[str] = mapped_column(String(KEY_LENGTH), ForeignKey("projects.key"), index=True)
    kind: Mapped[str] = mapped_column(String(8))
    secret_hash: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(Instant)
    revoked_at: Mapped[datetime | None] = mapped_column(Instant)
    """From when it is useless; of a key that was exchanged this lies ahead until its grace is over."""
    last_used_at: Mapped[datetime | None] = mapped_column(Instant)
