"""Read the versions of journeys."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from abplat.db.models.journeys import JourneyVersion


def list_versions(session: Session, journey_id: int) -> Sequence[JourneyVersion]:
    """Return all versions of a journey, oldest first."""
    wanted = select(JourneyVersion).where(JourneyVersion.journey_id == journey_id)
    return session.scalars(wanted.order_by(JourneyVersion.definition_version)).all()
