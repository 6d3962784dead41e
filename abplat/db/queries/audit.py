"""Read the audit trail."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from abplat.db.models.audit import AuditEntry, AuditSeal
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


def list_filtered(
    session: Session, project: str, wanted: AuditFilter, limit: int
) -> Sequence[tuple[AuditEntry, AuditSeal | None]]:
    """Return entries of a project with their seals, the latest first."""
    found = (
        select(AuditEntry, AuditSeal)
        .outerjoin(AuditSeal, AuditSeal.entry == AuditEntry.id)
        .where(AuditEntry.project == project)
    )
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
    rows = session.execute(found.order_by(AuditEntry.id.desc()).limit(limit))
    return [(row[0], row[1]) for row in rows]


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


def lock_chain(session: Session, project: str) -> None:
    """Be the only one who seals entries of a project until this transaction ends; SQLite has one writer anyway."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(hashtext(:name))"), {"name": f"audit/{project}"})


def find_head(session: Session, project: str) -> AuditSeal | None:
    """Return the last seal of a project."""
    wanted = select(AuditSeal).where(AuditSeal.project == project)
    return session.scalars(wanted.order_by(AuditSeal.position.desc()).limit(1)).one_or_none()


def list_chain(session: Session, project: str) -> Iterator[tuple[AuditSeal, AuditEntry | None]]:
    """Yield every seal of a project with its entry, along the chain."""
    wanted = (
        select(AuditSeal, AuditEntry)
        .outerjoin(AuditEntry, AuditEntry.id == AuditSeal.entry)
        .where(AuditSeal.project == project)
        .order_by(AuditSeal.position)
        .execution_options(yield_per=1_000)
    )
    for row in session.execute(wanted):
        yield row[0], row[1]


def list_unsealed(session: Session, project: str, limit: int) -> Sequence[int]:
    """Return the numbers of entries of a project that no seal stands for."""
    wanted = (
        select(AuditEntry.id)
        .outerjoin(AuditSeal, AuditSeal.entry == AuditEntry.id)
        .where(AuditEntry.project == project, AuditSeal.entry.is_(None))
    )
    return session.scalars(wanted.order_by(AuditEntry.id).limit(limit)).all()


def list_chained_projects(session: Session) -> Sequence[str]:
    """Return every project that the trail knows, in order."""
    return session.scalars(select(AuditEntry.project).distinct().order_by(AuditEntry.project)).all()


def has_hash(session: Session, project: str, wanted: str) -> bool:
    """Tell whether the chain of a project holds a hash."""
    found = select(AuditSeal.entry).where(AuditSeal.project == project, AuditSeal.hash == wanted)
    return session.scalar(found.limit(1)) is not None


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
