"""Read a bounded number of units that have been seen, to try a change on."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from abplat.db.models.assignments import Assignment
from abplat.db.models.intake import intake


def list_assignments(
    session: Session, project: str, unit_type: str, limit: int
) -> Sequence[tuple[str, str, str]]:
    """Return unit, experiment and variant of assignments in the ledger, in the order of units."""
    wanted = select(Assignment.unit, Assignment.experiment, Assignment.variant).where(
        Assignment.project == project, Assignment.unit.startswith(f"{unit_type}:", autoescape=True)
    )
    found = session.execute(wanted.order_by(Assignment.unit, Assignment.experiment).limit(limit))
    return [(unit, experiment, variant) for unit, experiment, variant in found]


def list_recent_bodies(session: Session, project: str, limit: int) -> Sequence[str]:
    """Return the youngest exposures and touchpoints that wait for the lake."""
    wanted = select(intake.c.body).where(
        intake.c.project == project, intake.c.kind.in_(("exposure", "touchpoint"))
    )
    return session.scalars(wanted.order_by(intake.c.received_us.desc()).limit(limit)).all()
