"""Table of the last moments of every id, for who serves the customer now."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, String, Table, Text

from abplat.db.models.base import Base

# A read model of the lake: the drain keeps it, in the transaction in which it lets go of the events.
customer_moments = Table(
    "customer_moments",
    Base.metadata,
    Column("project", String(64), primary_key=True),
    Column("unit", String(256), primary_key=True),
    Column("last_us", BigInteger, nullable=False),
    Column("document", Text, nullable=False),
    sqlite_with_rowid=False,
)
