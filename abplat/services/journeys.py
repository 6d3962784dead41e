"""What can be done with journeys."""

from __future__ import annotations

from sqlalchemy.orm import Session

from abplat.db.queries import definitions
from abplat.db.queries import journeys as queries
from abplat.domain.catalogue import JOURNEYS, Document
from abplat.services.definitions import Verbs

_verbs = Verbs(JOURNEYS)

create = _verbs.create
get = _verbs.get
list_ = _verbs.list_
update = _verbs.update
archive = _verbs.archive


def list_versions(session: Session, project: str, key: str) -> list[Document]:
    """Return every version of a journey, oldest first (R35).

    Raises:
        NotFoundError: If the project has no journey of this key.
    """
    row = definitions.get(session, JOURNEYS, project, key)
    return [
        {**version.document, "version": version.definition_version, "created_at": version.created_at}
        for version in queries.list_versions(session, row.id)
    ]
