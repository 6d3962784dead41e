"""Table of observations: evidence items and external series."""

from __future__ import annotations

from abplat.db.models.base import Base
from abplat.db.models.projects import Definition


class Observation(Definition, Base):
    """One evidence item or external series."""

    __tablename__ = "observations"
