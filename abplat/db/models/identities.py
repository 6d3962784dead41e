"""Tables of who is who, as the ledger of assignments needs it at once, and of the keys of identity tokens."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from abplat.db.models.base import Base
from abplat.db.models.columns import KEY_LENGTH, Instant


class IdentityJoin(Base):
    """One id that was said to belong to another; the first time counts."""

    __tablename__ = "identity_joins"
    __table_args__ = (Index("ix_identity_joins_project_known", "project", "known"),)

    project: Mapped[str] = mapped_column(String(KEY_LENGTH), ForeignKey("projects.key"), primary_key=True)
    anonymous: Mapped[str] = mapped_column(String(256), primary_key=True)
    known: Mapped[str] = mapped_column(String(256), primary_key=True)
    joined_at: Mapped[datetime] = mapped_column(Instant)
    source: Mapped[str] = mapped_column(String(16), server_default="identify")
    """``identify`` as a device said it, ``merge`` as an operator commanded."""
    outcome: Mapped[str] = mapped_column(String(16), server_default="joined")
    """What became of it: see ``abplat.domain.components``."""


class IdentityMember(Base):
    """An id that was joined with another, and the component that both belong to.

    Worked out from the joins; kept so that a decision needs one look.
    """

    __tablename__ = "identity_members"
    __table_args__ = (Index("ix_identity_members_project_component", "project", "component"),)

    project: Mapped[str] = mapped_column(String(KEY_LENGTH), ForeignKey("projects.key"), primary_key=True)
    id: Mapped[str] = mapped_column(String(256), primary_key=True)
    component: Mapped[str] = mapped_column(String(256))
    """The customer's id where there is one, else the id that was joined first."""
    joined_at: Mapped[datetime] = mapped_column(Instant)
    state: Mapped[str] = mapped_column(String(16))


class IdentityKey(Base):
    """A secret that signs the identity tokens of a project; the youngest signs, all verify."""

    __tablename__ = "identity_keys"

    project: Mapped[str] = mapped_column(String(KEY_LENGTH), ForeignKey("projects.key"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    secret: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(Instant)
