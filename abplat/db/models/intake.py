"""Tables of what has arrived and is not yet in the lake."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, String, Table, Text

from abplat.db.models.base import AutoId, Base

# The event's own id is the key: the database refuses a double in the transaction that keeps the event.
intake = Table(
    "intake",
    Base.metadata,
    Column("project", String(64), primary_key=True),
    Column("event_id", String(256), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("body", Text, nullable=False),
    Column("received_us", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

failed_events = Table(
    "failed_events",
    Base.metadata,
    Column("id", AutoId, primary_key=True, autoincrement=True),
    Column("project", String(64), nullable=False),
    Column("received_us", BigInteger, nullable=False),
    Column("code", String(64), nullable=False),
    Column("message", Text, nullable=False),
    Column("index", Integer, nullable=True),
    Column("body", Text, nullable=False),
)
Index(None, failed_events.c.project, failed_events.c.id)

# How far the drain of a kind has let go of its intake rows: the number of the last finished batch.
drain_state = Table(
    "drain_state",
    Base.metadata,
    Column("project", String(64), primary_key=True),
    Column("kind", String(16), primary_key=True),
    Column("done", BigInteger, nullable=False),
)
