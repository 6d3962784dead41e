"""Table of holdouts."""

from __future__ import annotations

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from abplat.db.models.base import Base
from abplat.db.models.projects import Definition


class Holdout(Definition, Base):
    """One holdout; its salt is made here and never changes."""

    __tablename__ = "holdouts"

    salt: Mapped[str] = mapped_column(String(32))
