"""Signing in: with a password, or by a one-time link. Who guesses must wait, longer each time."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy.orm import Session

from abplat.db.models.users import User
from abplat.db.queries import users as queries
from abplat.domain import throttle
from abplat.domain.passwords import LONGEST, require_password
from abplat.domain.throttle import ACCOUNT, ADDRESS
from abplat.errors import LimitExceededError, NotAuthenticatedError
from abplat.services import audit, links, passwords, people, web_sessions
from abplat.services.people import INSTALLATION, NOUN
from abplat.services.platform import Platform
from abplat.services.web_sessions import Opened, Visitor

_REFUSED: Final = "this e-mail address and this password do not belong together"
_KEPT: Final = timedelta(hours=25)


def sign_in(platform: Platform, email: str, password: str, visitor: Visitor) -> Opened:
    """Check a password and open a session.

    A try is counted before it is judged, so that many at once are no way around the delay; the
    answer and the time it takes are the same whether or not there is such a person.

    Raises:
        LimitExceededError: If account or address must wait.
        NotAuthenticatedError: If the two do not belong together.
    """
    now = platform.clock()
    email = email.strip().lower()[:LONGEST]
    with platform.writers.begin() as session:
        _count_try(session, email, visitor, now)
    with platform.sessions() as session:
        user = queries.find_by_email(session, email)
    may_enter = user is not None and user.disabled_at is None
    good = passwords.verify_password(user.password_hash if user and may_enter else None, password)
    if user is None or not good:
        raise NotAuthenticatedError(_REFUSED)
    renewed = _renew_hash(user, password)
    with platform.writers.begin() as session:
        forget_tries(session, email, visitor)
        if renewed:
            people.get_user(session, user.id).password_hash = renewed
        return enter(session, user, visitor, now=now)


def enter(session: Session, user: User, visitor: Visitor, *, now: datetime, how: str = "password") -> Opened:
    """Open a session for somebody who has shown who they are."""
    audit.act_as(session, f"user:{user.email}", visitor.address)
    audit.record(session, now, (INSTALLATION, "sign_in", NOUN, str(user.id)), after={"with": how})
    return web_sessions.begin(session, user.id, visitor, now=now)


def accept_link(platform: Platform, token: str, document: Any, visitor: Visitor) -> Opened:
    """Use a one-time link: choose a password, and come in.

    The link of the first start makes the administrator; the others belong to a person.

    Raises:
        NotFoundError: If the link does not work any more.
        InvalidInputError: If the password is weak, or name or address are missing.
    """
    now = platform.clock()
    with platform.sessions() as session:
        row = links.find(session, token, (links.FIRST, links.INVITE, links.PASSWORD), now=now)
        known = people.get_user(session, row.user_id) if row.user_id else None
    email = known.email if known else people.read_email(document.get("email", ""))
    name = str(document.get("name") or (known.name if known else "")).strip()
    password = str(document.get("password", ""))
    require_password(password, email, name)
    password_hash = passwords.hash_password(password)
    with platform.writers.begin() as session:
        audit.act_as(session, f"user:{email}", visitor.address)
        row = links.use(session, token, (links.FIRST, links.INVITE, links.PASSWORD), now=now)
        if row.user_id is None:
            user = people.add(session, {"email": email, "name": name or None}, now=now, is_admin=True)
        else:
            user = people.get_user(session, row.user_id)
            user.name = name[:200] or user.name
        set_password(session, user, password_hash, now=now)
        return enter(session, user, visitor, now=now, how="link")


def change_password(platform: Platform, user_id: int, old: str, new: str, visitor: Visitor) -> Opened:
    """Change a password: every session ends, and a new one begins here.

    Raises:
        NotAuthenticatedError: If the old one is wrong.
        InvalidInputError: If the new one is weak.
    """
    now = platform.clock()
    with platform.sessions() as session:
        user = people.get_user(session, user_id)
    with platform.writers.begin() as session:
        _count_try(session, user.email, visitor, now)
    if not passwords.verify_password(user.password_hash, old):
        raise NotAuthenticatedError("the present password is not right")
    require_password(new, user.email, user.name)
    password_hash = passwords.hash_password(new)
    with platform.writers.begin() as session:
        audit.act_as(session, f"user:{user.email}", visitor.address)
        forget_tries(session, user.email, visitor)
        user = people.get_user(session, user_id)
        set_password(session, user, password_hash, now=now)
        return web_sessions.begin(session, user_id, visitor, now=now)


def set_password(session: Session, user: User, password_hash: str, *, now: datetime) -> None:
    """Keep a new password and sign the person out everywhere."""
    user.password_hash = password_hash
    session.flush()
    web_sessions.end_all(session, user.id)
    audit.record(session, now, (INSTALLATION, "set_password", NOUN, str(user.id)))


def forget_tries(session: Session, email: str, visitor: Visitor) -> None:
    """Take back what a good sign-in was counted as: the account is free, the address has one try less."""
    account = queries.find_failure(session, _account(email))
    if account is not None:
        session.delete(account)
    address = queries.find_failure(session, _address(visitor))
    if address is not None:
        address.count = max(0, address.count - 1)
    session.flush()


def _count_try(session: Session, email: str, visitor: Visitor, now: datetime) -> None:
    """Count a try as a failure until it proves good; refuse it where somebody must wait."""
    queries.delete_old_failures(session, now - _KEPT)
    counted = ((_account(email), ACCOUNT), (_address(visitor), ADDRESS))
    rows = [(queries.get_failure(session, name, now), patience) for name, patience in counted]
    longest = max(throttle.find_wait(row.count, row.last_at, now, patience) for row, patience in rows)
    if longest > timedelta(0):
        message = f"too many failed attempts; wait {_say(longest)} and try again"
        raise LimitExceededError.after(longest.total_seconds(), message)
    for row, patience in rows:
        row.count = throttle.count_failure(row.count, row.last_at, now, patience)
        row.last_at = now
    session.flush()


def _account(email: str) -> str:
    """Name an account without keeping what was typed: it may be a password in the wrong field."""
    return f"account:{hashlib.sha256(email.encode(errors='replace')).hexdigest()}"


def _address(visitor: Visitor) -> str:
    """Name where somebody comes from."""
    return f"address:{visitor.address[:64]}"


def _say(wait: timedelta) -> str:
    """Say a time to wait."""
    seconds = max(1, round(wait.total_seconds()))
    return f"{seconds} seconds" if seconds < 120 else f"{-(-seconds // 60)} minutes"


def _renew_hash(user: User, password: str) -> str | None:
    """Hash a password anew where the hash is of older rounds."""
    if user.password_hash and passwords.needs_rehash(user.password_hash):
        return passwords.hash_password(password)
    return None
