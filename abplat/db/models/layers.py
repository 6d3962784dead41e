"""Table of layers."""

from __future__ import annotations

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from abplat.db.models.base import Base
from abplat.db.models.projects import Definition


class Layer(Definition, Base):
    """One layer; its salt is made here and never changes."""

    __tablename__ = "layers"

    salt: Mapped[str] = mapped_column(String(32))
