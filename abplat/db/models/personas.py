"""Tables of personas and of their versions."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from abplat.db.models.base import AutoId, Base
from abplat.db.models.columns import Instant, Json
from abplat.db.models.projects import Definition


class Persona(Definition, Base):
    """One persona as it is now; ``definition_version`` grows when its rule or its origin changes (R44)."""

    __tablename__ = "personas"

    definition_version: Mapped[int] = mapped_column()


class PersonaVersion(Base):
    """One version of a persona, kept for ever."""

    __tablename__ = "persona_versions"
    __table_args__ = (UniqueConstraint("persona_id", "definition_version"),)

    id: Mapped[int] = mapped_column(AutoId, primary_key=True)
    persona_id: Mapped[int] = mapped_column(ForeignKey("personas.id"))
    definition_version: Mapped[int] = mapped_column()
    document: Mapped[Any] = mapped_column(Json)
    created_at: Mapped[datetime] = mapped_column(Instant)
