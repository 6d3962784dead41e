"""Read discoveries."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from abplat.db.models.discoveries import StoredDiscovery
from abplat.errors import NotFoundError


def latest(session: Session, project: str) -> StoredDiscovery:
    """Return the youngest discovery of a project.

    Raises:
        NotFoundError: If there is none yet.
    """
    wanted = select(StoredDiscovery).where(StoredDiscovery.project == project)
    found = session.scalars(wanted.order_by(StoredDiscovery.id.desc()).limit(1)).one_or_none()
    if found is None:
        raise NotFoundError("nothing was looked for in the events of this project yet; POST /v1/discoveries")
    return found
