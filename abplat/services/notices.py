"""Tell others what has happened: messages are written with what they tell of, and sent by the worker."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from abplat.clock import format_instant
from abplat.db.models.webhooks import Delivery
from abplat.db.queries import users, webhooks
from abplat.domain.notices import (
    APPROVAL_ASKED,
    APPROVAL_DECIDED,
    COMMENT,
    GUARDRAIL,
    MAILED,
    SAMPLE_RATIO,
    SCHEDULE,
    VERDICT,
)

__all__ = [
    "APPROVAL_ASKED",
    "APPROVAL_DECIDED",
    "COMMENT",
    "GUARDRAIL",
    "SAMPLE_RATIO",
    "SCHEDULE",
    "VERDICT",
    "tell",
]


def tell(
    session: Session, project: str, event: str, experiment: str, data: Mapping[str, Any], *, now: datetime
) -> int:
    """Write one message per webhook and per person who wants it; return how many.

    The messages are part of the caller's transaction: nobody hears of what did not come to be.
    """
    message = {
        "id": secrets.token_hex(16),
        "event": event,
        "at": format_instant(now),
        "project": project,
        "experiment": experiment,
        "data": dict(data),
    }
    hooks = [each.id for each in webhooks.list_(session, project) if event in each.events]
    emails = users.list_alarmed(session, project) if event in MAILED else []
    receivers: list[dict[str, Any]] = [{"webhook_id": each} for each in hooks]
    receivers += [{"email": each} for each in emails]
    for receiver in receivers:
        session.add(make_delivery(message, receiver, now))
    session.flush()
    return len(receivers)


def make_delivery(message: Mapping[str, Any], receiver: Mapping[str, Any], now: datetime) -> Delivery:
    """Make a message that waits to be sent."""
    return Delivery(
        project=message["project"],
        event=message["event"],
        message=message,
        state="waiting",
        tries=0,
        created_at=now,
        next_at=now,
        detail="",
        **receiver,
    )
