"""Which observations belong to an experiment: read by its plan, and apart from writing them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from abplat.db.queries import definitions as queries
from abplat.domain.catalogue import OBSERVATIONS, Document


def list_attached(
    session: Session, project: str, journey: str, experiment: str, as_of: datetime
) -> list[Document]:
    """Return what is attached to an experiment or its journey and was known at an instant.

    What is attached to another experiment is left out, even on the same journey.
    """
    return [
        row.document
        for row in queries.list_all(session, OBSERVATIONS, project)
        if row.created_at <= as_of
        and row.document.get("journey") in (None, journey)
        and row.document.get("experiment") in (None, experiment)
    ]
