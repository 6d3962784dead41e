"""One-time links: a secret that expires and works once, of which only a hash is kept."""

from __future__ import annotations

import hashlib
import re
import secrets
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy.orm import Session

from abplat.db.models.users import OneTimeLink
from abplat.db.queries import users as queries
from abplat.errors import ConflictError, NotAuthenticatedError, NotFoundError

FIRST: Final = "first"
INVITE: Final = "invite"
PASSWORD: Final = "password"  # noqa: S105  # the name of a purpose
STATE: Final = "state"
LIFETIMES: Final = {
    FIRST: timedelta(hours=24),
    INVITE: timedelta(days=7),
    PASSWORD: timedelta(hours=24),
    STATE: timedelta(minutes=10),
}
_TOKEN = re.compile(r"[0-9a-f]{64}")


def make(session: Session, purpose: str, *, now: datetime, user_id: int | None = None) -> str:
    """Make a link and return its token; unused ones of the same purpose work no more."""
    queries.delete_links(session, purpose, user_id)
    token = secrets.token_hex(32)
    session.add(
        OneTimeLink(
            token_hash=hash_token(token),
            purpose=purpose,
            user_id=user_id,
            expires_at=now + LIFETIMES[purpose],
        )
    )
    session.flush()
    return token


def make_first(session: Session, *, now: datetime) -> str | None:
    """Make the link for the first administrator; None where somebody is there already."""
    return None if queries.count_users(session) else make(session, FIRST, now=now)


def find(session: Session, token: str, purposes: tuple[str, ...], *, now: datetime) -> OneTimeLink:
    """Return a link that still works.

    Raises:
        NotFoundError: If it is unknown, used or too old; all sound alike.
    """
    row = session.get(OneTimeLink, hash_token(token)) if _TOKEN.fullmatch(token) else None
    if row is None or row.purpose not in purposes or row.used_at is not None or row.expires_at <= now:
        raise NotFoundError("this link has expired or was used before; ask for a new one")
    return row


def use(session: Session, token: str, purposes: tuple[str, ...], *, now: datetime) -> OneTimeLink:
    """Use up a link and return it.

    Raises:
        NotFoundError: If it does not work any more.
        ConflictError: If it is for the first administrator, and there is one.
    """
    row = find(session, token, purposes, now=now)
    if not queries.use_link(session, row.token_hash, now):
        raise NotFoundError("this link has expired or was used before; ask for a new one")
    if row.purpose == FIRST and queries.count_users(session):
        raise ConflictError("there is an administrator already; ask them to invite you")
    return row


def spend(session: Session, token: str, *, now: datetime) -> None:
    """Note the state of a sign-in elsewhere as used.

    Raises:
        NotAuthenticatedError: If it was used before.
    """
    if session.get(OneTimeLink, hash_token(token)) is not None:
        raise NotAuthenticatedError("this sign-in was finished before; begin again")
    expires_at = now + LIFETIMES[STATE]
    session.add(OneTimeLink(token_hash=hash_token(token), purpose=STATE, expires_at=expires_at, used_at=now))
    session.flush()


def hash_token(token: str) -> str:
    """Return what is kept of a token of 256 random bits."""
    return hashlib.sha256(token.encode()).hexdigest()
