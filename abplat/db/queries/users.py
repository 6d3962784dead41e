"""Read people, their roles, sessions and links."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, func, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from abplat.clock import to_micros
from abplat.db.models.users import Membership, OneTimeLink, SignInFailure, User, WebSession
from abplat.errors import DuplicateKeyError


def add(session: Session, user: User) -> None:
    """Write a new person.

    Raises:
        DuplicateKeyError: If the address is known.
    """
    try:
        with session.begin_nested():
            session.add(user)
    except IntegrityError as error:
        raise DuplicateKeyError(f"there is somebody with the address {user.email} already") from error


def find_by_email(session: Session, email: str) -> User | None:
    """Return the person of an address, or None."""
    return session.scalars(select(User).where(User.email == email)).one_or_none()


def find_by_subject(session: Session, subject: str) -> User | None:
    """Return the person of a provider's subject, or None."""
    return session.scalars(select(User).where(User.oidc_subject == subject)).one_or_none()


def count_users(session: Session) -> int:
    """Return how many people there are."""
    return session.scalar(select(func.count()).select_from(User)) or 0


def count_admins(session: Session) -> int:
    """Return how many people administer the installation and may sign in."""
    wanted = select(func.count()).select_from(User).where(User.is_admin, User.disabled_at.is_(None))
    return session.scalar(wanted) or 0


def list_users(session: Session) -> Sequence[User]:
    """Return everybody, by address."""
    return session.scalars(select(User).order_by(User.email)).all()


def list_memberships(session: Session, user_id: int) -> Sequence[Membership]:
    """Return the roles of a person."""
    wanted = select(Membership).where(Membership.user_id == user_id)
    return session.scalars(wanted.order_by(Membership.project)).all()


def find_membership(session: Session, user_id: int, project: str) -> Membership | None:
    """Return what ties a person to a project, or None."""
    return session.get(Membership, (user_id, project))


def list_members(session: Session, project: str) -> list[tuple[User, Membership]]:
    """Return the people of a project, by name."""
    wanted = select(User, Membership).join(Membership, Membership.user_id == User.id)
    wanted = wanted.where(Membership.project == project).order_by(func.lower(User.name), User.id)
    return [(user, held) for user, held in session.execute(wanted)]


def list_alarmed(session: Session, project: str) -> list[str]:
    """Return the addresses that want alarms of a project by mail."""
    wanted = select(User.email).join(Membership, Membership.user_id == User.id)
    wanted = wanted.where(Membership.project == project, Membership.mails_alarms, User.disabled_at.is_(None))
    return list(session.scalars(wanted.order_by(User.email)))


def list_sessions(session: Session, user_id: int) -> Sequence[WebSession]:
    """Return where a person is signed in, the latest first."""
    wanted = select(WebSession).where(WebSession.user_id == user_id)
    return session.scalars(wanted.order_by(WebSession.seen_at.desc())).all()


def delete_sessions(session: Session, user_id: int, *, but: str = "") -> int:
    """Sign a person out everywhere but in one session; return how many ended."""
    unwanted = delete(WebSession).where(WebSession.user_id == user_id, WebSession.token_hash != but)
    return session.execute(unwanted).rowcount  # type: ignore[attr-defined, no-any-return]


def delete_old_sessions(session: Session, created_before: datetime) -> None:
    """Take away sessions that are too old to be good."""
    session.execute(delete(WebSession).where(WebSession.created_at < created_before))


def delete_links(session: Session, purpose: str, user_id: int | None) -> None:
    """Take back the unused links of a purpose."""
    same = OneTimeLink.user_id.is_(None) if user_id is None else OneTimeLink.user_id == user_id
    session.execute(
        delete(OneTimeLink).where(OneTimeLink.purpose == purpose, same, OneTimeLink.used_at.is_(None))
    )


def use_link(session: Session, token_hash: str, now: datetime) -> bool:
    """Mark a link as used; False where somebody was quicker or it is too old."""
    fresh = (
        OneTimeLink.token_hash == token_hash,
        OneTimeLink.used_at.is_(None),
        OneTimeLink.expires_at > now,
    )
    done = session.execute(update(OneTimeLink).where(*fresh).values(used_at=now))
    return bool(done.rowcount == 1)  # type: ignore[attr-defined]


_ENSURE_FAILURE = text(
    "INSERT INTO sign_in_failures (name, count, last_at) VALUES (:name, 0, :at) ON CONFLICT (name) DO NOTHING"
)


def find_failure(session: Session, name: str) -> SignInFailure | None:
    """Return the failures of a name as they are now; nobody else counts at the same time."""
    return session.get(SignInFailure, name, with_for_update=True)


def get_failure(session: Session, name: str, now: datetime) -> SignInFailure:
    """Return the failures of a name, none for a new one; two that are new at once are one."""
    session.execute(_ENSURE_FAILURE, {"name": name, "at": to_micros(now)})
    return session.get_one(SignInFailure, name, with_for_update=True)


def delete_old_failures(session: Session, before: datetime) -> None:
    """Forget failures of long ago."""
    session.execute(delete(SignInFailure).where(SignInFailure.last_at < before))
