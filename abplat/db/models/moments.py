"""Tables of the last moments of every id, for who serves the customer now."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, String, Table, Text

from abplat.db.models.base import AutoId, Base

# Events that the drain has moved to the lake and that no read model has taken in yet, oldest first.
read_model_rows = Table(
    "read_model_rows",
    Base.metadata,
    Column("id", AutoId, primary_key=True, autoincrement=True),
    Column("project", String(64), nullable=False),
    Column("body", Text, nullable=False),
)

# A read model of the lake, fed from the rows above.
customer_moments = Table(
    "customer_moments",
    Base.metadata,
    Column("project", String(64), primary_key=True),
    Column("unit", String(256), primary_key=True),
    Column("last_us", BigInteger, nullable=False),
    Column("document", Text, nullable=False),
    sqlite_with_rowid=False,
)
Index(None, customer_moments.c.last_us)
