"""Table of approvals."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from abplat.db.models.base import AutoId, Base
from abplat.db.models.columns import KEY_LENGTH, Instant, Json
from abplat.domain.approvals import ACTIONS, STATES

_STATES = ", ".join(f"'{state}'" for state in STATES)
_ACTIONS = ", ".join(f"'{action}'" for action in ACTIONS)


class ApprovalRequest(Base):
    """What somebody wants to do to an experiment, and what another person says of it."""

    __tablename__ = "approval_requests"
    __table_args__ = (
        CheckConstraint(f"state IN ({_STATES})", name="state"),
        CheckConstraint(f"action IN ({_ACTIONS})", name="action"),
        Index("ix_approval_requests_project_state", "project", "state"),
        Index("ix_approval_requests_project_experiment", "project", "experiment"),
    )

    id: Mapped[int] = mapped_column(AutoId, primary_key=True)
    project: Mapped[str] = mapped_column(String(KEY_LENGTH), ForeignKey("projects.key"))
    experiment: Mapped[str] = mapped_column(String(KEY_LENGTH))
    action: Mapped[str] = mapped_column(String(16))
    body: Mapped[Any] = mapped_column(Json)
    fingerprint: Mapped[str] = mapped_column(String(64))
    """Of the experiment and the body: another one needs another approval."""
    authors: Mapped[Any] = mapped_column(Json)
    """Who asked, and who has changed the experiment since: none of them may approve."""
    note: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(String(16))
    asked_at: Mapped[datetime] = mapped_column(Instant)
    changed_at: Mapped[datetime] = mapped_column(Instant)
    decided_by: Mapped[str | None] = mapped_column(String(256))
    decision_note: Mapped[str | None] = mapped_column(Text)
