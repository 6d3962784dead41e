"""What can be done with personal tokens."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from abplat.db.models.tokens import PersonalToken
from abplat.db.models.users import User
from abplat.db.queries import projects
from abplat.domain.catalogue import Document
from abplat.domain.fields import Fields
from abplat.domain.keys import verify_secret
from abplat.domain.people import Person
from abplat.domain.tokens import LONGEST, PERSONAL, make_token, parse_token
from abplat.errors import NotAuthenticatedError, NotFoundError
from abplat.services import audit, people
from abplat.services.keys import CheckedKey

NOUN: Final = "tokens"
_UNKNOWN_HASH: Final = "0" * 64
_MAX_DAYS: Final = LONGEST.days


def create(session: Session, person: Person, document: Any, *, now: datetime) -> tuple[Document, str]:
    """Make a token for one project; it is in the answer and nowhere else.

    Raises:
        InvalidInputError: With every fault found.
        NotFoundError: If they do not belong to the project.
    """
    fields = Fields(document)
    project, title = fields.key("project"), fields.text("title")
    days = fields.integer("days", 1, _MAX_DAYS, 30)
    fields.finish("token")
    if person.role_in(project) is None:
        raise NotFoundError(f"there is no project {project!r}")
    projects.get(session, project)
    new = make_token()
    row = PersonalToken(
        selector=new.selector,
        user_id=person.id,
        project=project,
        title=title,
        secret_hash=new.secret_hash,
        created_at=now,
        expires_at=now + LONGEST * days / _MAX_DAYS,
    )
    session.add(row)
    session.flush()
    audit.record(session, now, (project, "create", NOUN, row.selector), after={"title": title, "days": days})
    return _describe(row), new.token


def list_(session: Session, user_id: int, *, now: datetime) -> list[Document]:
    """Return the tokens of a person that are good, oldest first."""
    wanted = select(PersonalToken).where(
        PersonalToken.user_id == user_id, PersonalToken.revoked_at.is_(None), PersonalToken.expires_at > now
    )
    return [_describe(row) for row in session.scalars(wanted.order_by(PersonalToken.created_at))]


def revoke(session: Session, user_id: int, selector: str, *, now: datetime) -> None:
    """Make a token of a person useless.

    Raises:
        NotFoundError: If they have none of that name.
    """
    row = session.get(PersonalToken, selector)
    if row is None or row.user_id != user_id:
        raise NotFoundError(f"there is no token {selector[:64]!r}")
    if row.revoked_at is None:
        row.revoked_at = now
        session.flush()
        audit.record(session, now, (row.project, "revoke", NOUN, selector), before={"title": row.title})


def check(session: Session, token: str, *, now: datetime) -> tuple[CheckedKey, datetime | None]:
    """Return who sends a token with which role, and when it was last used.

    Raises:
        NotAuthenticatedError: If it is unknown, too old or revoked, or its person may not come in; all sound alike.
    """
    selector, secret = parse_token(token) or ("", "")
    row = session.get(PersonalToken, selector)
    good = verify_secret(secret, row.secret_hash if row else _UNKNOWN_HASH)
    user = session.get(User, row.user_id) if row and good else None
    if row is None or user is None or row.revoked_at or row.expires_at <= now or user.disabled_at:
        raise NotAuthenticatedError(
            "that token is not known, too old or was revoked; make one on your account page"
        )
    person = people.describe_person(session, user)
    role = person.role_in(row.project)
    if role is None:
        raise NotAuthenticatedError("the owner of that token does not belong to its project any more")
    return CheckedKey(row.project, PERSONAL, selector, role, person), row.last_used_at


def mark_used(session: Session, selector: str, *, now: datetime) -> None:
    """Note that a token was used."""
    row = session.get(PersonalToken, selector)
    if row is not None:
        row.last_used_at = now


def _describe(row: PersonalToken) -> Document:
    """Return a token as its owner sees it."""
    return {
        "selector": row.selector,
        "project": row.project,
        "title": row.title,
        "created_at": row.created_at,
        "expires_at": row.expires_at,
        "last_used_at": row.last_used_at,
    }
