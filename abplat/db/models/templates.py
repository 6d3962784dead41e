"""Table of templates."""

from __future__ import annotations

from abplat.db.models.base import Base
from abplat.db.models.projects import Definition


class Template(Definition, Base):
    """One template."""

    __tablename__ = "templates"
