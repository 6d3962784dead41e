"""The audit trail: every write leaves who, when, what, before and after."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from sqlalchemy import event
from sqlalchemy.orm import Session

from abplat.clock import to_micros
from abplat.db.models.audit import AuditEntry, AuditSeal
from abplat.db.queries import audit as queries
from abplat.domain.audit_chain import FIELDS, NO_HASH, seal

ACTOR: Final = "actor"
ADDRESS: Final = "address"
_UNSEALED: Final = "unsealed"


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
    """Note a write; ``what`` is project, verb, noun and key. Its seal is set when the transaction commits."""
    project, verb, noun, key = what
    entry = AuditEntry(
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
    session.add(entry)
    session.info.setdefault(_UNSEALED, []).append(entry)


@event.listens_for(Session, "before_commit")
def _seal(session: Session) -> None:
    """Seal what a transaction has noted, as its last step: the chain is held for as short as can be."""
    if session.in_nested_transaction() or not session.info.get(_UNSEALED):
        return
    session.flush()
    noted = [entry for entry in session.info.pop(_UNSEALED) if entry in session]  # not what was rolled back
    for project in sorted({entry.project for entry in noted}):
        queries.lock_chain(session, project)
        head = queries.find_head(session, project)
        position, previous = (head.position, head.hash) if head else (0, NO_HASH)
        for entry in sorted((each for each in noted if each.project == project), key=lambda each: each.id):
            position += 1
            found = seal(describe(entry), position, previous)
            session.add(
                AuditSeal(entry=entry.id, project=project, position=position, previous=previous, hash=found)
            )
            previous = found


def describe(entry: AuditEntry) -> dict[str, Any]:
    """Return what of an entry is sealed."""
    return {name: getattr(entry, name) for name in FIELDS} | {"at": to_micros(entry.at)}
