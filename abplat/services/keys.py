"""What can be done with API keys."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, NamedTuple

from sqlalchemy.orm import Session

from abplat.db.models.keys import ApiKey
from abplat.db.queries import keys as queries
from abplat.db.queries import projects
from abplat.domain.keys import NewKey, make_key, parse_key, verify_secret
from abplat.domain.people import Person
from abplat.domain.roles import ADMIN as ADMIN_ROLE
from abplat.errors import NotAuthenticatedError, NotFoundError
from abplat.services import audit

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


def revoke(session: Session, selector: str, *, now: datetime) -> ApiKey:
    """Make a key useless from now on.

    Raises:
        NotFoundError: If there is no such key.
    """
    key = queries.find(session, selector)
    if key is None:
        raise NotFoundError(f"there is no key {selector[:64]!r}; see abplat keys list")
    if key.revoked_at is None:
        key.revoked_at = now
        session.flush()
        audit.record(session, now, (key.project, "revoke", "keys", selector), before={"kind": key.kind})
    return key


def check(session: Session, token: str) -> tuple[CheckedKey, datetime | None]:
    """Return whose key a token is, and when that key was last used.

    Raises:
        NotAuthenticatedError: If it is no key, an unknown one or a revoked one; all sound alike.
    """
    presented = parse_key(token)
    row = queries.find(session, presented.selector)
    good = verify_secret(presented.secret, row.secret_hash if row else _UNKNOWN_HASH)
    if row is None or not good or row.kind != presented.kind or row.revoked_at is not None:
        raise NotAuthenticatedError("that key is not known or was revoked; make one with abplat keys create")
    return CheckedKey(row.project, row.kind, row.selector), row.last_used_at


def mark_used(session: Session, selector: str, *, now: datetime) -> None:
    """Note that a key was used."""
    queries.mark_used(session, selector, now)
