"""Who did what to an experiment, in the order it was done: read from the audit trail."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy.orm import Session

from abplat.db.queries import audit as queries
from abplat.domain.catalogue import EXPERIMENTS


class Deed(NamedTuple):
    """One write to a definition."""

    at: datetime
    actor: str
    verb: str
    before: dict[str, Any]
    after: dict[str, Any]


def list_deeds(session: Session, project: str, key: str) -> list[Deed]:
    """Return everything that was done to an experiment, oldest first."""
    entries = queries.list_of(session, project, EXPERIMENTS, key)
    return [Deed(row.at, row.actor, row.verb, _fields(row.before), _fields(row.after)) for row in entries]


def _fields(value: Any) -> dict[str, Any]:
    """Return what was written as fields."""
    return value if isinstance(value, dict) else {}
