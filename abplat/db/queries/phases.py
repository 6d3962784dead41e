"""Read the phases of an experiment."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from abplat.db.models.phases import Phase


def list_(session: Session, experiment_id: int) -> Sequence[Phase]:
    """Return the phases of an experiment, oldest first."""
    wanted = select(Phase).where(Phase.experiment_id == experiment_id)
    return session.scalars(wanted.order_by(Phase.number)).all()


def get_last(session: Session, experiment_id: int) -> Phase:
    """Return the present phase of an experiment that has started; what the session holds is not written yet."""
    wanted = select(Phase).where(Phase.experiment_id == experiment_id)
    with session.no_autoflush:
        return session.scalars(wanted.order_by(Phase.number.desc()).limit(1)).one()
