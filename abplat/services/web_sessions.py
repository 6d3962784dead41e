"""Sessions of browsers, kept in the database: who signs out, or is signed out, is out at once."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from sqlalchemy.orm import Session

from abplat.db.models.users import User, WebSession
from abplat.db.queries import users as queries
from abplat.domain.catalogue import Document
from abplat.errors import NotFoundError

IDLE: Final = timedelta(hours=12)
LONGEST: Final = timedelta(days=7)
SEEN_STEP: Final = timedelta(minutes=5)
"""How exactly the last use is kept; noting every page would be a write on every page."""


class Visitor(NamedTuple):
    """Where a request comes from."""

    address: str
    agent: str


class Opened(NamedTuple):
    """A session: its token is in the browser's cookie and nowhere else."""

    token: str
    row: WebSession


def begin(session: Session, user_id: int, visitor: Visitor, *, now: datetime) -> Opened:
    """Sign somebody in: always a new token, whatever the browser had before."""
    queries.delete_old_sessions(session, now - LONGEST)
    token = secrets.token_hex(32)
    row = WebSession(
        token_hash=hash_token(token),
        user_id=user_id,
        form_token=secrets.token_hex(32),
        created_at=now,
        seen_at=now,
        address=visitor.address[:64],
        agent=visitor.agent[:200],
    )
    session.add(row)
    session.flush()
    return Opened(token, row)


def find(session: Session, token: str, *, now: datetime) -> tuple[WebSession, User] | None:
    """Return the session of a token and its person, or None where it is not good any more."""
    row = session.get(WebSession, hash_token(token))
    if row is None or not _is_fresh(row, now):
        return None
    user = session.get(User, row.user_id)
    return None if user is None or user.disabled_at is not None else (row, user)


def touch(session: Session, token_hash: str, *, now: datetime) -> None:
    """Note that a session is used."""
    row = session.get(WebSession, token_hash)
    if row is not None:
        row.seen_at = now


def end(session: Session, token: str) -> None:
    """Sign out."""
    row = session.get(WebSession, hash_token(token))
    if row is not None:
        session.delete(row)


def end_named(session: Session, user_id: int, name: str) -> None:
    """Sign a person out of the session of a name.

    Raises:
        NotFoundError: If they have none of that name.
    """
    for row in queries.list_sessions(session, user_id):
        if name_of(row) == name:
            session.delete(row)
            return
    raise NotFoundError(f"there is no session {name[:32]!r}")


def end_all(session: Session, user_id: int, *, but: str = "") -> int:
    """Sign a person out everywhere, but for one token; return how many sessions ended."""
    return queries.delete_sessions(session, user_id, but=hash_token(but) if but else "")


def list_(session: Session, user_id: int, *, now: datetime, current: str = "") -> list[Document]:
    """Return where a person is signed in, the latest first."""
    rows = [row for row in queries.list_sessions(session, user_id) if _is_fresh(row, now)]
    mine = hash_token(current) if current else ""
    return [
        {
            "name": name_of(row),
            "address": row.address,
            "agent": row.agent,
            "created_at": row.created_at,
            "seen_at": row.seen_at,
            "is_current": row.token_hash == mine,
        }
        for row in rows
    ]


def name_of(row: WebSession) -> str:
    """Return how a session is called in lists: nothing can be made of it."""
    return row.token_hash[:16]


def hash_token(token: str) -> str:
    """Return what is kept of a token of 256 random bits."""
    return hashlib.sha256(token.encode()).hexdigest()


def _is_fresh(row: WebSession, now: datetime) -> bool:
    """Tell whether a session is neither idle nor old."""
    return now - row.seen_at < IDLE and now - row.created_at < LONGEST
