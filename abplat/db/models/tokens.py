"""Table of personal tokens."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from abplat.db.models.base import AutoId, Base
from abplat.db.models.columns import KEY_LENGTH, Instant


class PersonalToken(Base):
    """With it a person uses the API as themselves, in one project, with the role they have there then."""

    __tablename__ = "personal_tokens"

    selector: Mapped[str] = mapped_column(String(16), primary_key=True)
    user_id: Mapped[int] = mapped_column(AutoId, ForeignKey("users.id"), index=True)
    project: Mapped[str] = mapped_column(String(KEY_LENGTH), ForeignKey("projects.key"))
    title: Mapped[str] = mapped_column(String(200))
    secret_hash: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(Instant)
    expires_at: Mapped[datetime] = mapped_column(Instant)
    revoked_at: Mapped[datetime | None] = mapped_column(Instant)
    last_used_at: Mapped[datetime | None] = mapped_column(Instant)
