"""Read and keep the joins made by identify."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from abplat.db.models.identities import IdentityJoin
from abplat.db.queries.assignments import insert_for


def join(session: Session, project: str, anonymous: str, known: str, at: datetime) -> list[str]:
    """Keep a join and return all ids that the anonymous one is joined to; the same join again changes nothing."""
    values = {"project": project, "anonymous": anonymous, "known": known, "joined_at": at}
    session.execute(insert_for(session, IdentityJoin).values(values).on_conflict_do_nothing())
    return known_ids(session, project, anonymous)


def known_ids(session: Session, project: str, anonymous: str) -> list[str]:
    """Return the ids that an id was joined to."""
    wanted = select(IdentityJoin.known).where(
        IdentityJoin.project == project, IdentityJoin.anonymous == anonymous
    )
    return list(session.scalars(wanted.order_by(IdentityJoin.joined_at, IdentityJoin.known)))


def anonymous_ids(session: Session, project: str, known: str) -> list[str]:
    """Return the ids that were joined to a known one."""
    wanted = select(IdentityJoin.anonymous).where(
        IdentityJoin.project == project, IdentityJoin.known == known
    )
    return list(session.scalars(wanted.order_by(IdentityJoin.joined_at, IdentityJoin.anonymous)))
