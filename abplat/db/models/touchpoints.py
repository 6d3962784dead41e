"""Table of touchpoints."""

from __future__ import annotations

from abplat.db.models.base import Base
from abplat.db.models.projects import Definition


class Touchpoint(Definition, Base):
    """One touchpoint."""

    __tablename__ = "touchpoints"
