"""The audit trail: every write leaves who, when, what, before and after."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from sqlalchemy.orm import Session

from abplat.db.models.audit import AuditEntry

ACTOR: Final = "actor"


def act_as(session: Session, actor: str) -> None:
    """Say who writes in this session: ``key:<selector>``, ``cli:<user>`` or a job."""
    session.info[ACTOR] = actor


def record(
    session: Session, now: datetime, what: tuple[str, str, str, str], before: Any = None, after: Any = None
) -> None:
    """Note a write; ``what`` is project, verb, noun and key."""
    project, verb, noun, key = what
    session.add(
        AuditEntry(
            project=project,
            at=now,
            actor=session.info.get(ACTOR, "system"),
            verb=verb,
            noun=noun,
            key=key,
            before=before,
            after=after,
        )
    )
