"""What can be done with API keys."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from sqlalchemy.orm import Session

from abplat.clock import format_instant, parse_duration
from abplat.db.models.keys import ApiKey
from abplat.db.queries import keys as queries
from abplat.db.queries import projects
from abplat.domain.keys import NewKey, make_key, parse_key, verify_secret
from abplat.domain.people import Person
from abplat.domain.roles import ADMIN as ADMIN_ROLE
from abplat.errors import ConflictError, InvalidInputError, NotAuthenticatedError, NotFoundError
from abplat.services import audit

MAX_GRACE: Final = timedelta(days=90)
"""How long an exchanged key may still be good."""

USED_STEP: Final = timedelta(hours=1)
"""How exactly the last use of a key is kept; noting every call would be a write on every call."""

_UNKNOWN_HASH = "0" * 64


class CheckedKey(NamedTuple):
    """A key that was presented and found good."""

    project_key: str
    kind: str
    selector: str
    role: str = ADMIN_ROLE
    """What its holder may do, where the kind of key may do anything."""
    person: Person | None = None
    """Whose personal token it is."""

    @property
    def actor(self) -> str:
        """How the audit trail calls its holder."""
        return self.person.actor if self.person else f"key:{self.selector}"


def create(session: Session, project: str, kind: str, *, now: datetime) -> NewKey:
    """Make a key for a project; its token is in the answer and nowhere else.

    Raises:
        NotFoundError: If there is no such project.
        InvalidInputError: If there is no such kind.
    """
    projects.get(session, project)
    new = make_key(kind)
    session.add(
        ApiKey(selector=new.selector, project=project, kind=kind, secret_hash=new.secret_hash, created_at=now)
    )
    session.flush()
    audit.record(session, now, (project, "create", "keys", new.selector), after={"kind": kind})
    return new


def list_(session: Session, project: str | None = None) -> list[ApiKey]:
    """Return the keys of a project, or of all."""
    return list(queries.list_(session, project))


class Rotated(NamedTuple):
    """A key that was exchanged: what takes its place, and the old one with its end."""

    new: NewKey
    old: ApiKey


def rotate(
    session: Session, selector: str, *, grace: timedelta, now: datetime, project: str | None = None
) -> Rotated:
    """Make a key of the same kind and let the old one end after a time, so that no call is lost meanwhile.

    Args:
        session: Where to write.
        selector: Names the key.
        grace: How long the old key is still good.
        now: The present instant.
        project: Whose key it has to be; anybody's where it is None.

    Raises:
        NotFoundError: If there is no such key.
        ConflictError: If it is useless already, or was exchanged before.
        InvalidInputError: If the time is too long: an exchange has to come to its end.
    """
    key = _get(session, selector, project)
    if key.revoked_at is not None:
        raise ConflictError(f"key {key.selector} was revoked or exchanged already; exchange the newer one")
    if not timedelta(0) <= grace <= MAX_GRACE:
        raise InvalidInputError.at("grace", f"must be at most {MAX_GRACE.days} days", "bad_duration")
    new = create(session, key.project, key.kind, now=now)
    key.revoked_at = now + grace
    session.flush()
    after = {"new": new.selector, "ends_at": format_instant(key.revoked_at)}
    audit.record(
        session, now, (key.project, "rotate", "keys", selector), before={"kind": key.kind}, after=after
    )
    return Rotated(new, key)


def read_grace(text: str) -> timedelta:
    """Read how long an exchanged key is still good: a duration such as 7d, or 0.

    Raises:
        InvalidInputError: If it is neither.

    Examples:
        >>> read_grace("0"), read_grace("36h")
        (datetime.timedelta(0), datetime.timedelta(days=1, seconds=43200))
    """
    return timedelta(0) if text == "0" else parse_duration(text, "grace")


def revoke(session: Session, selector: str, *, now: datetime, project: str | None = None) -> ApiKey:
    """Make a key useless from now on, also one that was exchanged and is in its grace.

    Raises:
        NotFoundError: If there is no such key.
    """
    key = _get(session, selector, project)
    if key.revoked_at is None or key.revoked_at > now:
        key.revoked_at = now
        session.flush()
        audit.record(session, now, (key.project, "revoke", "keys", selector), before={"kind": key.kind})
    return key


def _get(session: Session, selector: str, project: str | None) -> ApiKey:
    """Return a key, of one project where that is asked for."""
    key = queries.find(session, selector)
    if key is None or project not in {None, key.project}:
        raise NotFoundError(f"there is no key {selector[:64]!r}; see abplat keys list")
    return key


def describe(key: ApiKey, now: datetime) -> dict[str, Any]:
    """Return what may be shown of a key.

    ``state`` is ``active``, ``ending`` (exchanged, good until ``revoked_at``) or ``revoked``.
    """
    state = "active" if key.revoked_at is None else "ending" if key.revoked_at > now else "revoked"
    return {
        "selector": key.selector,
        "kind": key.kind,
        "state": state,
        "created_at": key.created_at,
        "last_used_at": key.last_used_at,
        "revoked_at": key.revoked_at,
    }


def check(session: Session, token: str, *, now: datetime) -> tuple[CheckedKey, datetime | None]:
    """Return whose key a token is, and when that key was last used.

    Raises:
        NotAuthenticatedError: If it is no key, an unknown one or a revoked one; all sound alike.
    """
    presented = parse_key(token)
    row = queries.find(session, presented.selector)
    good = verify_secret(presented.secret, row.secret_hash if row else _UNKNOWN_HASH)
    is_over = row is not None and row.revoked_at is not None and row.revoked_at <= now
    if row is None or not good or row.kind != presented.kind or is_over:
        raise NotAuthenticatedError("that key is not known or was revoked; make one with abplat keys create")
    return CheckedKey(row.project, row.kind, row.selector), row.last_used_at


def mark_used(session: Session, selector: str, *, now: datetime) -> None:
    """Note that a key was used."""
    queries.mark_used(session, selector, now)
