"""Tables of people: who they are, what they may do where, and how they come in."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, String, Text, false
from sqlalchemy.orm import Mapped, mapped_column

from abplat.db.models.base import AutoId, Base
from abplat.db.models.columns import KEY_LENGTH, Instant
from abplat.domain.roles import ROLES

EMAIL_LENGTH = 200
_ROLES = ", ".join(f"'{role}'" for role in ROLES)


class User(Base):
    """One person. Nobody is ever deleted: what they did keeps its name."""

    __tablename__ = "users"

    id: Mapped[int] = mapped_column(AutoId, primary_key=True)
    email: Mapped[str] = mapped_column(String(EMAIL_LENGTH), unique=True)
    """In lower case."""
    name: Mapped[str] = mapped_column(String(200))
    password_hash: Mapped[str | None] = mapped_column(Text)
    """Argon2id with its parameters; None for who has not chosen one."""
    oidc_subject: Mapped[str | None] = mapped_column(String(600), unique=True)
    """Issuer and subject at a provider of identities."""
    is_admin: Mapped[bool] = mapped_column()
    created_at: Mapped[datetime] = mapped_column(Instant)
    disabled_at: Mapped[datetime | None] = mapped_column(Instant)


class Membership(Base):
    """The role of a person in a project."""

    __tablename__ = "memberships"
    __table_args__ = (CheckConstraint(f"role IN ({_ROLES})", name="role"),)

    user_id: Mapped[int] = mapped_column(AutoId, ForeignKey("users.id"), primary_key=True)
    project: Mapped[str] = mapped_column(
        String(KEY_LENGTH), ForeignKey("projects.key"), primary_key=True, index=True
    )
    role: Mapped[str] = mapped_column(String(16))
    mails_alarms: Mapped[bool] = mapped_column(server_default=false(), default=False)


class WebSession(Base):
    """One browser that is signed in; taking the row away signs it out."""

    __tablename__ = "web_sessions"

    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    user_id: Mapped[int] = mapped_column(AutoId, ForeignKey("users.id"), index=True)
    form_token: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(Instant)
    seen_at: Mapped[datetime] = mapped_column(Instant)
    address: Mapped[str] = mapped_column(String(64))
    agent: Mapped[str] = mapped_column(String(200))


class OneTimeLink(Base):
    """A secret that works once: the first administrator, an invitation, a new password, or a state of OIDC."""

    __tablename__ = "one_time_links"

    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    purpose: Mapped[str] = mapped_column(String(16))
    user_id: Mapped[int | None] = mapped_column(AutoId, ForeignKey("users.id"))
    expires_at: Mapped[datetime] = mapped_column(Instant)
    used_at: Mapped[datetime | None] = mapped_column(Instant)


class SignInFailure(Base):
    """How often somebody has failed to sign in, by account and by address; kept over restarts."""

    __tablename__ = "sign_in_failures"

    name: Mapped[str] = mapped_column(String(80), primary_key=True)
    """``account:`` and a hash of what was typed, or ``address:`` and where it came from."""
    count: Mapped[int] = mapped_column()
    last_at: Mapped[datetime] = mapped_column(Instant)
