"""Table of work to do outside of requests."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, String, Table, Text

from abplat.db.models.base import AutoId, Base

# A lease has no time of expiry: clocks jump. ``beat`` grows while its holder lives; who sees ``token``
# and ``beat`` stand still for long enough by an own steady clock may take the job over, as a new token.
jobs = Table(
    "jobs",
    Base.metadata,
    Column("id", AutoId, primary_key=True, autoincrement=True),
    Column("kind", String(64), nullable=False),
    Column("key", String(256), nullable=False, server_default=""),
    Column("payload", Text, nullable=False),
    Column("state", String(16), nullable=False, server_default="queued"),
    Column("run_at_us", BigInteger, nullable=False, server_default="0"),
    Column("every_us", BigInteger, nullable=True),
    Column("tries", Integer, nullable=False, server_default="0"),
    Column("token", BigInteger, nullable=False, server_default="0"),
    Column("beat", BigInteger, nullable=False, server_default="0"),
    Column("owner", String(256), nullable=False, server_default=""),
    Column("error", Text, nullable=False, server_default=""),
    Column("created_us", BigInteger, nullable=False, server_default="0"),
    Column("finished_us", BigInteger, nullable=True),
)
Index(None, jobs.c.state, jobs.c.run_at_us, jobs.c.id)
# One waiting job of a kind and key is enough: it will see all that is there when it runs.
Index(
    "uq_jobs_waiting",
    jobs.c.kind,
    jobs.c.key,
    unique=True,
    sqlite_where=jobs.c.state == "queued",
    postgresql_where=jobs.c.state == "queued",
)
