"""What can be done with observations: evidence items and external series."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from abplat.db.queries import definitions as queries
from abplat.domain.catalogue import OBSERVATIONS, Document
from abplat.services.definitions import Verbs

_verbs = Verbs(OBSERVATIONS)

create = _verbs.create
get = _verbs.get
list_ = _verbs.list_
update = _verbs.update
archive = _verbs.archive


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
