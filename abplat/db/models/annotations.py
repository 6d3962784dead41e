"""Table of annotations: what else happened while experiments ran."""

from __future__ import annotations

from abplat.db.models.base import Base
from abplat.db.models.projects import Definition


class Annotation(Definition, Base):
    """One release, outage, campaign or the like."""

    __tablename__ = "annotations"
