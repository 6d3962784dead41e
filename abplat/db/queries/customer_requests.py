"""Read what customers asked for."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from abplat.db.models.customer_requests import CustomerRequest
from abplat.errors import NotFoundError


def get(session: Session, project: str, request_id: str) -> CustomerRequest:
    """Return a request.

    Raises:
        NotFoundError: If the project has none of this id; another project's looks just the same.
    """
    wanted = select(CustomerRequest).where(
        CustomerRequest.project == project, CustomerRequest.id == request_id
    )
    found = session.scalars(wanted).one_or_none()
    if found is None:
        raise NotFoundError(f"there is no customer request {request_id!r}")
    return found


def list_(session: Session, project: str, limit: int, before: str | None) -> Sequence[CustomerRequest]:
    """Return the requests of a project, the youngest first; ids grow with time."""
    wanted = select(CustomerRequest).where(CustomerRequest.project == project)
    if before is not None:
        wanted = wanted.where(CustomerRequest.id < before)
    return session.scalars(wanted.order_by(CustomerRequest.id.desc()).limit(limit)).all()


def forget_documents(session: Session, before: datetime) -> None:
    """Let go of the copies that were made before an instant."""
    session.execute(
        update(CustomerRequest)
        .where(CustomerRequest.finished_at < before, CustomerRequest.document.is_not(None))
        .values(document=None)
    )


def forget_documents_of(session: Session, project: str, subject: str) -> None:
    """Let go of the copies of one person's data."""
    session.execute(
        update(CustomerRequest)
        .where(CustomerRequest.project == project, CustomerRequest.subject == subject)
        .values(document=None)
    )
