"""Read experiments by what they do."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from abplat.db.models.experiments import Experiment


def list_running_in_layer(session: Session, project: str, layer: str) -> Sequence[Experiment]:
    """Return the running experiments of a layer."""
    wanted = select(Experiment).where(
        Experiment.project == project, Experiment.layer == layer, Experiment.state == "running"
    )
    return session.scalars(wanted).all()


def list_started(session: Session, project: str) -> Sequence[Experiment]:
    """Return every experiment that has started, archived ones too, in the order of their keys."""
    wanted = select(Experiment).where(Experiment.project == project, Experiment.state != "draft")
    return session.scalars(wanted.order_by(Experiment.key)).all()


def list_states(session: Session, project: str) -> dict[str, str]:
    """Return the state of every experiment of a project."""
    wanted = select(Experiment.key, Experiment.state).where(Experiment.project == project)
    return {row.key: row.state for row in session.execute(wanted)}


def list_started_states(session: Session, project: str) -> list[tuple[str, str]]:
    """Return key and state of every experiment that has started: what its configuration hangs on."""
    wanted = select(Experiment.key, Experiment.state).where(
        Experiment.project == project, Experiment.state != "draft"
    )
    return [(key, state) for key, state in session.execute(wanted.order_by(Experiment.key))]
