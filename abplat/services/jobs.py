"""What a request can ask to be done later."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from abplat.clock import to_micros
from abplat.db.models.jobs import jobs as table
from abplat.db.queries import jobs as queries


def enqueue(
    session: Session, kind: str, payload: Mapping[str, Any], *, key: str = "", now: datetime | None = None
) -> int:
    """Queue a job for the worker, in the caller's transaction.

    One waiting job per kind and key is enough: asking again returns the one that waits.

    Args:
        session: Session that the caller commits.
        kind: What to do, such as ``analyse``.
        payload: What the work needs to know, as JSON values.
        key: What it is done to, such as ``shop/shorter-form``; the payload itself where it is empty.
        now: When it was asked for.
    """
    key = key or _key_of(payload)
    created_us = to_micros(now) if now else 0
    return queries.insert(session, queries.NewJob(kind, payload, key=key, created_us=created_us))


def is_waiting(session: Session, kind: str, job_id: int) -> bool:
    """Tell whether a job is still to be done, or under way."""
    wanted = select(table.c.state).where(table.c.id == job_id, table.c.kind == kind)
    return session.execute(wanted).scalar() in ("queued", "running")


def _key_of(payload: Mapping[str, Any]) -> str:
    """Make a key of the payload."""
    return "/".join(str(payload[name]) for name in sorted(payload))[:256]
