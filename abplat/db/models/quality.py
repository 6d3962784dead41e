"""Tables of how the data are: counts of what arrives, and the board made of them and of the lake."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Column, ForeignKey, String, Table
from sqlalchemy.orm import Mapped, mapped_column

from abplat.db.models.base import Base
from abplat.db.models.columns import KEY_LENGTH, Instant, Json

# ``day`` counts from 1970.
arrivals = Table(
    "arrivals",
    Base.metadata,
    Column("project", String(64), primary_key=True),
    Column("day", BigInteger, primary_key=True, autoincrement=False),
    Column("measure", String(64), primary_key=True),
    Column("n", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)


class QualityBoard(Base):
    """The last look at the data of a project."""

    __tablename__ = "quality_boards"

    project: Mapped[str] = mapped_column(String(KEY_LENGTH), ForeignKey("projects.key"), primary_key=True)
    made_at: Mapped[datetime] = mapped_column(Instant)
    document: Mapped[Any] = mapped_column(Json)
