"""Read webhooks and deliveries."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from abplat.db.models.webhooks import Delivery, Webhook


def list_(session: Session, project: str) -> Sequence[Webhook]:
    """Return the webhooks of a project that are in use, oldest first."""
    wanted = select(Webhook).where(Webhook.project == project, Webhook.removed_at.is_(None))
    return session.scalars(wanted.order_by(Webhook.id)).all()


def list_deliveries(session: Session, project: str, webhook_id: int | None, limit: int) -> Sequence[Delivery]:
    """Return what was sent, the latest first."""
    wanted = select(Delivery).where(Delivery.project == project)
    if webhook_id is not None:
        wanted = wanted.where(Delivery.webhook_id == webhook_id)
    return session.scalars(wanted.order_by(Delivery.id.desc()).limit(limit)).all()


def list_due(session: Session, now: datetime, limit: int) -> Sequence[Delivery]:
    """Return the messages whose time has come, oldest first."""
    wanted = select(Delivery).where(Delivery.state == "waiting", Delivery.next_at <= now)
    return session.scalars(wanted.order_by(Delivery.next_at, Delivery.id).limit(limit)).all()
