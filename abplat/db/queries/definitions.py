"""Read and write definitions of any noun. Uniqueness and versions are the database's to judge."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from sqlalchemy.orm.exc import StaleDataError

from abplat.db.models.annotations import Annotation
from abplat.db.models.base import Base
from abplat.db.models.channels import Channel
from abplat.db.models.experiments import Experiment
from abplat.db.models.holdouts import Holdout
from abplat.db.models.journeys import Journey
from abplat.db.models.layers import Layer
from abplat.db.models.metrics import Metric
from abplat.db.models.observations import Observation
from abplat.db.models.personas import Persona
from abplat.db.models.projects import Definition
from abplat.db.models.segments import Segment
from abplat.db.models.templates import Template
from abplat.db.models.touchpoints import Touchpoint
from abplat.errors import DuplicateKeyError, NotFoundError, StaleVersionError

MODELS: Final[dict[str, type[Definition]]] = {
    "channels": Channel,
    "touchpoints": Touchpoint,
    "journeys": Journey,
    "metrics": Metric,
    "layers": Layer,
    "holdouts": Holdout,
    "segments": Segment,
    "personas": Persona,
    "templates": Template,
    "experiments": Experiment,
    "observations": Observation,
    "annotations": Annotation,
}


def find(session: Session, noun: str, project: str, key: str) -> Definition | None:
    """Return a definition, archived ones too, or None."""
    model = MODELS[noun]
    return session.scalars(select(model).where(model.project == project, model.key == key)).one_or_none()


def get(session: Session, noun: str, project: str, key: str) -> Definition:
    """Return a definition.

    Raises:
        NotFoundError: If the project has none of this key; another project's looks just the same.
    """
    found = find(session, noun, project, key)
    if found is None:
        raise NotFoundError(f"this project has no {noun.removesuffix('s')} {key[:64]!r}")
    return found


def list_(session: Session, noun: str, project: str, after: str, limit: int) -> Sequence[Definition]:
    """Return the next definitions in the order of their keys, without archived ones."""
    model = MODELS[noun]
    wanted = select(model).where(model.project == project, model.archived_at.is_(None), model.key > after)
    return session.scalars(wanted.order_by(model.key).limit(limit)).all()


def list_all(session: Session, noun: str, project: str) -> Sequence[Definition]:
    """Return every definition in the order of their keys, without archived ones."""
    model = MODELS[noun]
    wanted = select(model).where(model.project == project, model.archived_at.is_(None))
    return session.scalars(wanted.order_by(model.key)).all()


def add(session: Session, row: Base, what: str) -> None:
    """Insert a row.

    Raises:
        DuplicateKeyError: If the database has one of this key.
    """
    session.add(row)
    try:
        session.flush()
    except IntegrityError as error:
        session.rollback()
        raise DuplicateKeyError(
            f"there is a {what} already; choose another key or change that one"
        ) from error


def save(session: Session, what: str) -> None:
    """Write changed rows.

    Raises:
        StaleVersionError: If somebody else changed one of them since it was read.
    """
    try:
        session.flush()
    except StaleDataError as error:
        session.rollback()
        raise StaleVersionError(
            f"the {what} was changed by somebody else; read it again and repeat"
        ) from error
