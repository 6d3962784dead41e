"""Read experiments by what they do."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from abplat.db.models.experiments import Experiment
from abplat.domain.lifecycle import HOLDING, UNSTARTED


def list_holding_in_layer(session: Session, project: str, layer: str) -> Sequence[Experiment]:
    """Return the experiments that hold their slot of a layer, paused ones too."""
    wanted = select(Experiment).where(
        Experiment.project == project, Experiment.layer == layer, Experiment.state.in_(HOLDING)
    )
    return session.scalars(wanted).all()


def list_started(session: Session, project: str) -> Sequence[Experiment]:
    """Return every experiment that has started, archived ones too, in the order of their keys."""
    wanted = select(Experiment).where(Experiment.project == project, Experiment.started_at.is_not(None))
    return session.scalars(wanted.order_by(Experiment.key)).all()


def list_all_started(session: Session) -> Sequence[Experiment]:
    """Return every experiment of all projects that has started, in the order of projects and keys."""
    wanted = select(Experiment).where(Experiment.started_at.is_not(None))
    return session.scalars(wanted.order_by(Experiment.project, Experiment.key)).all()


def list_concluded(session: Session, project: str) -> Sequence[Experiment]:
    """Return every experiment of which somebody said what was learned, archived ones too, the youngest first."""
    wanted = select(Experiment).where(Experiment.project == project, Experiment.concluded_at.is_not(None))
    return session.scalars(wanted.order_by(Experiment.concluded_at.desc(), Experiment.key)).all()


def list_scheduled(session: Session, *, lock: bool = False) -> Sequence[Experiment]:
    """Return the experiments of all projects that a schedule may still do something to.

    Locked, they are as they are now and stay so: PostgreSQL waits for whoever changes one of them; a
    writing transaction on SQLite is alone anyway.
    """
    wanted = select(Experiment).where(Experiment.is_scheduled, Experiment.state.in_((*UNSTARTED, *HOLDING)))
    wanted = wanted.order_by(Experiment.project, Experiment.key)
    return session.scalars(wanted.with_for_update() if lock else wanted).all()


def list_states(session: Session, project: str) -> dict[str, str]:
    """Return the state of every experiment of a project."""
    wanted = select(Experiment.key, Experiment.state).where(Experiment.project == project)
    return {row.key: row.state for row in session.execute(wanted)}


def list_started_versions(session: Session, project: str) -> list[tuple[str, int]]:
    """Return key and version of every experiment that has started: what its configuration hangs on."""
    wanted = select(Experiment.key, Experiment.version).where(
        Experiment.project == project, Experiment.started_at.is_not(None)
    )
    return [(key, version) for key, version in session.execute(wanted.order_by(Experiment.key))]
