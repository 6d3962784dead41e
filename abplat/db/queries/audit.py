"""Read the audit trail."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from abplat.db.models.audit import AuditEntry
from abplat.domain.people import is_person


class AuditFilter(NamedTuple):
    """Which entries are wanted: who, what and when; what is left out does not matter."""

    actor: str | None = None
    verb: str | None = None
    noun: str | None = None
    key: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    before_id: int | None = None


def list_filtered(session: Session, project: str, wanted: AuditFilter, limit: int) -> Sequence[AuditEntry]:
    """Return entries of a project, the latest first."""
    found = select(AuditEntry).where(AuditEntry.project == project)
    for name in ("actor", "verb", "noun", "key"):
        value = getattr(wanted, name)
        if value is not None:
            found = found.where(getattr(AuditEntry, name) == value)
    if wanted.since is not None:
        found = found.where(AuditEntry.at >= wanted.since)
    if wanted.until is not None:
        found = found.where(AuditEntry.at < wanted.until)
    if wanted.before_id is not None:
        found = found.where(AuditEntry.id < wanted.before_id)
    return session.scalars(found.order_by(AuditEntry.id.desc()).limit(limit)).all()


def list_distinct(session: Session, project: str, column: str) -> list[str]:
    """Return the values that a column of the trail holds, in order."""
    wanted = getattr(AuditEntry, column)

    found = select(wanted).where(AuditEntry.project == project).distinct()
    return list(session.scalars(found.order_by(wanted)))


def list_of(session: Session, project: str, noun: str, key: str) -> Sequence[AuditEntry]:
    """Return everything that was done to one definition, oldest first."""
    wanted = select(AuditEntry).where(
        AuditEntry.project == project, AuditEntry.noun == noun, AuditEntry.key == key
    )
    return session.scalars(wanted.order_by(AuditEntry.id)).all()


def has_verb(session: Session, project: str, noun: str, key: str, verb: str) -> bool:
    """Tell whether something was ever done to a definition."""
    return find_actor(session, project, noun, key, verb) is not None


def find_actor(session: Session, project: str, noun: str, key: str, verb: str) -> str | None:
    """Return who did something to a definition last, or None."""
    wanted = select(AuditEntry.actor).where(
        AuditEntry.project == project, AuditEntry.noun == noun, AuditEntry.key == key, AuditEntry.verb == verb
    )
    return session.scalar(wanted.order_by(AuditEntry.id.desc()).limit(1))


def find_last_author(session: Session, project: str, noun: str, key: str) -> str | None:
    """Return who, of people and keys, changed a definition last."""
    wanted = select(AuditEntry.actor).where(
        AuditEntry.project == project, AuditEntry.noun == noun, AuditEntry.key == key
    )
    actors = session.scalars(wanted.order_by(AuditEntry.id.desc()).limit(100))
    return next((actor for actor in actors if is_person(actor) or actor.startswith("key:")), None)
