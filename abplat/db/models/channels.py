"""Table of channels."""

from __future__ import annotations

from abplat.db.models.base import Base
from abplat.db.models.projects import Definition


class Channel(Definition, Base):
    """One channel."""

    __tablename__ = "channels"
