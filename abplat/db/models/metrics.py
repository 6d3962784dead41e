"""Table of metrics."""

from __future__ import annotations

from abplat.db.models.base import Base
from abplat.db.models.projects import Definition


class Metric(Definition, Base):
    """One metric."""

    __tablename__ = "metrics"
