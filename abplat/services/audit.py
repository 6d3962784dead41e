"""The audit trail: every write leaves who, when, what, before and after."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from sqlalchemy.orm import Session

from abplat.db.models.audit import AuditEntry

ACTOR: Final = "actor"
ADDRESS: Final = "address"


def act_as(session: Session, actor: str, address: str | None = None) -> None:
    """Say who writes in this session: ``user:<e-mail>``, ``key:<selector>``, ``cli:<user>`` or ``job:<name>``.

    Args:
        session: In which they write.
        actor: Who they are.
        address: Where the request came from, if it came over the network.
    """
    session.info[ACTOR] = actor
    session.info[ADDRESS] = address


def actor_of(session: Session) -> str:
    """Return who writes in this session."""
    return str(session.info.get(ACTOR, "system"))


def record(
    session: Session, now: datetime, what: tuple[str, str, str, str], before: Any = None, after: Any = None
) -> None:
    """Note a write; ``what`` is project, verb, noun and key."""
    project, verb, noun, key = what
    session.add(
        AuditEntry(
            project=project,
            at=now,
            actor=actor_of(session),
            address=session.info.get(ADDRESS),
            verb=verb,
            noun=noun,
            key=key,
            before=before,
            after=after,
        )
    )
