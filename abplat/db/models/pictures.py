"""Table of the pictures that show what a variant looks like in a channel."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from abplat.db.models.base import AutoId, Base
from abplat.db.models.columns import KEY_LENGTH, Instant


class Picture(Base):
    """One picture: of a variant of an experiment, in a channel. A new one takes the place of the old one."""

    __tablename__ = "pictures"
    __table_args__ = (UniqueConstraint("project", "experiment", "variant", "channel"),)

    id: Mapped[int] = mapped_column(AutoId, primary_key=True)
    project: Mapped[str] = mapped_column(String(KEY_LENGTH), ForeignKey("projects.key"))
    experiment: Mapped[str] = mapped_column(String(KEY_LENGTH))
    variant: Mapped[str] = mapped_column(String(KEY_LENGTH))
    channel: Mapped[str] = mapped_column(String(KEY_LENGTH))
    media_type: Mapped[str] = mapped_column(String(32))
    width: Mapped[int] = mapped_column()
    height: Mapped[int] = mapped_column()
    hash: Mapped[str] = mapped_column(String(64))
    body: Mapped[bytes] = mapped_column(LargeBinary)
    author: Mapped[str] = mapped_column(String(256))
    created_at: Mapped[datetime] = mapped_column(Instant)
