"""Keep and read the versions of definitions that have any: journeys, metrics, segments and personas."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, TypeAlias

from sqlalchemy import select
from sqlalchemy.orm import Session

from abplat.db.models.journeys import Journey, JourneyVersion
from abplat.db.models.metrics import Metric, MetricVersion
from abplat.db.models.personas import Persona, PersonaVersion
from abplat.db.models.segments import Segment, SegmentVersion

VersionedDefinition: TypeAlias = Journey | Metric | Segment | Persona

_TABLES: Final[dict[type[Any], tuple[type[Any], str]]] = {
    Journey: (JourneyVersion, "journey_id"),
    Metric: (MetricVersion, "metric_id"),
    Segment: (SegmentVersion, "segment_id"),
    Persona: (PersonaVersion, "persona_id"),
}


def keep(session: Session, row: VersionedDefinition, now: datetime) -> None:
    """Keep the present version of a definition for ever."""
    model, owner = _TABLES[type(row)]
    session.add(
        model(
            **{owner: row.id},
            definition_version=row.definition_version,
            document=row.document,
            created_at=now,
        )
    )


def list_(session: Session, row: VersionedDefinition) -> Sequence[Any]:
    """Return all versions of a definition, oldest first."""
    model, owner = _TABLES[type(row)]
    wanted = select(model).where(getattr(model, owner) == row.id)
    return session.scalars(wanted.order_by(model.definition_version)).all()


def list_present(session: Session, project: str, noun: str) -> list[tuple[str, int]]:
    """Return key and present version of every segment or persona of a project, archived ones too."""
    model: type[Segment | Persona] = Segment if noun == "segments" else Persona
    wanted = select(model.key, model.definition_version).where(model.project == project)
    return [(key, version) for key, version in session.execute(wanted.order_by(model.key))]
