"""What can be done with people: who there is, and which role each has in a project."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy.orm import Session

from abplat.db.models.users import EMAIL_LENGTH, Membership, User
from abplat.db.queries import projects
from abplat.db.queries import users as queries
from abplat.domain.catalogue import Document
from abplat.domain.fields import Fields
from abplat.domain.people import Person
from abplat.domain.roles import ROLES
from abplat.errors import ConflictError, InvalidInputError, NotFoundError
from abplat.services import audit, links, web_sessions

NOUN: Final = "people"
INSTALLATION: Final = ""
"""In the audit trail: what belongs to no project."""
_EMAIL = re.compile(r"[^\s@<>\"',;\x00-\x1f]+@[^\s@<>\"',;\x00-\x1f]+")


class Invited(NamedTuple):
    """Somebody who was let into a project; who is new gets a link, whose token is shown once."""

    member: Document
    token: str | None


def read_email(text: Any) -> str:
    """Return an e-mail address in the form that names a person.

    Raises:
        InvalidInputError: If it is none.

    Examples:
        >>> read_email(" Ada@Example.com ")
        'ada@example.com'
    """
    found = str(text).strip().lower()
    if not _EMAIL.fullmatch(found) or len(found) > EMAIL_LENGTH:
        raise InvalidInputError.at("email", "is not an e-mail address, such as ada@example.com", "bad_email")
    return found


def describe_person(session: Session, user: User) -> Person:
    """Return who a user is and which roles they have now."""
    roles = {each.project: each.role for each in queries.list_memberships(session, user.id)}
    return Person(id=user.id, email=user.email, name=user.name, is_admin=user.is_admin, roles=roles)


def add(session: Session, document: Any, *, now: datetime, is_admin: bool = False) -> User:
    """Add a person who has no password yet.

    Raises:
        InvalidInputError: With every fault found.
        DuplicateKeyError: If the address is known.
    """
    fields = Fields(document)
    email = fields.collect("email", read_email, fields.value("email")) or ""
    name = fields.text("name", email.partition("@")[0] or None)
    fields.finish("person")
    user = User(email=email, name=name, is_admin=is_admin, created_at=now)
    queries.add(session, user)
    after = {"email": email, "name": name, "is_admin": is_admin}
    audit.record(session, now, (INSTALLATION, "create", NOUN, str(user.id)), after=after)
    return user


def invite(session: Session, project: str, document: Any, *, now: datetime, by_admin: bool) -> Invited:
    """Let somebody into a project, and make them a link where they are new to abplat.

    Args:
        session: Where to write.
        project: Key of the project.
        document: Their ``email``, ``role`` and, if they are new, ``name``.
        now: The present instant.
        by_admin: Whether an administrator of the installation asks: only they get a link for a person whom
            somebody else has invited, as with a link one can come in as that person.

    Raises:
        InvalidInputError: With every fault found.
        ConflictError: If they belong to the project already.
    """
    projects.get(session, project)
    fields = Fields(document)
    role = fields.choice("role", ROLES)
    email = fields.collect("email", read_email, fields.value("email")) or ""
    name = fields.text("name", None)
    fields.finish("invitation")
    user = queries.find_by_email(session, email)
    is_new = user is None
    if user is None:
        user = add(session, {"email": email, "name": name}, now=now)
    elif queries.find_membership(session, user.id, project) is not None:
        raise ConflictError(f"{email} belongs to this project already; change the role instead")
    member = set_role(session, project, user.id, role, now=now)
    needs_link = user.password_hash is None and user.oidc_subject is None and (is_new or by_admin)
    token = links.make(session, links.INVITE, now=now, user_id=user.id) if needs_link else None
    return Invited(member, token)


def set_role(session: Session, project: str, user_id: int, role: str, *, now: datetime) -> Document:
    """Give somebody a role in a project, in place of the one they have.

    Raises:
        NotFoundError: If there is no such person.
        InvalidInputError: If there is no such role.
    """
    if role not in ROLES:
        raise InvalidInputError.at("role", f"{role!r} is none of {', '.join(ROLES)}", "bad_choice")
    user = get_user(session, user_id)
    held = queries.find_membership(session, user_id, project)
    before = {"email": user.email, "role": held.role} if held else None
    if held is None:
        held = Membership(user_id=user_id, project=project, role=role, mails_alarms=False)
        session.add(held)
    held.role = role
    session.flush()
    after = {"email": user.email, "role": role}
    if before != after:
        audit.record(session, now, (project, "set_role", NOUN, str(user_id)), before, after)
    return _describe_member(user, held)


def get_member(session: Session, project: str, user_id: int) -> Document:
    """Return somebody who belongs to a project.

    Raises:
        NotFoundError: If they do not.
    """
    return _describe_member(get_user(session, user_id), _get_membership(session, project, user_id))


def remove(session: Session, project: str, user_id: int, *, now: datetime) -> None:
    """Take somebody out of a project.

    Raises:
        NotFoundError: If they do not belong to it.
    """
    held = _get_membership(session, project, user_id)
    before = {"email": get_user(session, user_id).email, "role": held.role}
    session.delete(held)
    session.flush()
    audit.record(session, now, (project, "remove", NOUN, str(user_id)), before)


def list_members(session: Session, project: str) -> list[Document]:
    """Return everybody who belongs to a project, by name."""
    return [_describe_member(user, held) for user, held in queries.list_members(session, project)]


def set_mails(session: Session, project: str, user_id: int, *, wanted: bool) -> None:
    """Say whether somebody wants alarms of a project by mail.

    Raises:
        NotFoundError: If they do not belong to it.
    """
    _get_membership(session, project, user_id).mails_alarms = wanted
    session.flush()


def list_mails(session: Session, user_id: int) -> dict[str, bool]:
    """Return the projects that somebody belongs to, and whether they want their alarms by mail."""
    return {each.project: each.mails_alarms for each in queries.list_memberships(session, user_id)}


def list_users(session: Session) -> list[Document]:
    """Return everybody there is, by address."""
    return [describe_user(user) for user in queries.list_users(session)]


def change_user(session: Session, user_id: int, document: Any, *, now: datetime) -> Document:
    """Say who administers the installation, and who may sign in at all.

    Raises:
        NotFoundError: If there is no such person.
        ConflictError: If nobody would be left to administer.
    """
    user = get_user(session, user_id)
    fields = Fields(document)
    is_admin = fields.flag("is_admin", default=user.is_admin)
    is_disabled = fields.flag("is_disabled", default=user.disabled_at is not None)
    fields.finish("person")
    before = describe_user(user)
    user.is_admin = is_admin
    user.disabled_at = (user.disabled_at or now) if is_disabled else None
    session.flush()
    if queries.count_admins(session) == 0:
        raise ConflictError(
            "nobody would be left to administer abplat; make somebody else an administrator first"
        )
    if is_disabled:
        web_sessions.end_all(session, user_id)
    after = describe_user(user)
    if before != after:
        audit.record(session, now, (INSTALLATION, "update", NOUN, str(user_id)), before, after)
    return after


def make_password_link(session: Session, user_id: int, *, now: datetime) -> str:
    """Make a link with which somebody chooses a new password; return its token.

    Raises:
        NotFoundError: If there is no such person.
    """
    user = get_user(session, user_id)
    token = links.make(session, links.PASSWORD, now=now, user_id=user_id)
    audit.record(session, now, (INSTALLATION, "make_link", NOUN, str(user_id)), after={"email": user.email})
    return token


def get_user(session: Session, user_id: int) -> User:
    """Return a person.

    Raises:
        NotFoundError: If there is none of this number.
    """
    user = session.get(User, user_id) if 0 < user_id < 2**63 else None
    if user is None:
        raise NotFoundError(f"there is no person {user_id}")
    return user


def describe_user(user: User) -> Document:
    """Return a person as the installation knows them."""
    return {
        "id": user.id,
        "email": user.email,
        "name": user.name,
        "is_admin": user.is_admin,
        "is_disabled": user.disabled_at is not None,
        "has_password": user.password_hash is not None,
        "created_at": user.created_at,
    }


def _describe_member(user: User, held: Membership) -> Document:
    """Return a person as a project knows them."""
    return {
        "id": user.id,
        "email": user.email,
        "name": user.name,
        "role": held.role,
        "is_disabled": user.disabled_at is not None,
    }


def _get_membership(session: Session, project: str, user_id: int) -> Membership:
    """Return what ties a person to a project."""
    held = queries.find_membership(session, user_id, project)
    if held is None:
        raise NotFoundError(f"there is no person {user_id} in project {project!r}")
    return held
