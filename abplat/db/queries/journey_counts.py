"""Read counts of journeys, and remove old ones."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from abplat.db.models.jobs import jobs
from abplat.db.models.journey_counts import JourneyCount


def find(session: Session, project: str, digest: str) -> tuple[JourneyCount, str | None] | None:
    """Return the count of a definition with the state of its job, or None."""
    wanted = (
        select(JourneyCount, jobs.c.state)
        .outerjoin(jobs, jobs.c.id == JourneyCount.job)
        .where(JourneyCount.project == project, JourneyCount.digest == digest)
    )
    found = session.execute(wanted).one_or_none()
    return None if found is None else (found[0], found[1])


def remove_older(session: Session, before: datetime) -> None:
    """Remove the counts of all projects that were asked for before an instant."""
    session.execute(delete(JourneyCount).where(JourneyCount.asked_at < before))
