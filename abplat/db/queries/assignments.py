"""The ledger of assignments: the earliest one per unit and experiment stays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, TypeAlias

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from abplat.db.models.assignments import Assignment


class Pin(NamedTuple):
    """The variant that holds for a unit in one experiment, since when and from where."""

    variant: str
    assigned_at: datetime
    source: str


Pins: TypeAlias = Mapping[str, Pin]


def insert_for(session: Session, model: type[Any]) -> Any:
    """Return the INSERT of the session's database, which can say what to do on a conflict."""
    dialect = session.get_bind().dialect.name
    return (postgresql if dialect == "postgresql" else sqlite).insert(model)


def pins_of(session: Session, project: str, units: Sequence[str]) -> Mapping[str, Pins]:
    """Return what the ledger holds for some units, by experiment."""
    wanted = select(
        Assignment.unit, Assignment.experiment, Assignment.variant, Assignment.assigned_at, Assignment.source
    ).where(Assignment.project == project, Assignment.unit.in_(units))
    held: dict[str, dict[str, Pin]] = {unit: {} for unit in units}
    for unit, experiment, variant, assigned_at, source in session.execute(wanted):
        held[unit][experiment] = Pin(variant, assigned_at, source)
    return held


def keep(session: Session, project: str, pins: Mapping[str, Pins]) -> None:
    """Keep the assignments of some units; an earlier one in the ledger wins."""
    rows = [
        {"project": project, "unit": unit, "experiment": experiment, **pin._asdict()}
        for unit in sorted(pins)
        for experiment, pin in sorted(pins[unit].items())
    ]
    if not rows:
        return
    insert = insert_for(session, Assignment).values(rows)
    wins = insert.excluded
    session.execute(
        insert.on_conflict_do_update(
            index_elements=["project", "unit", "experiment"],
            set_={"variant": wins.variant, "assigned_at": wins.assigned_at, "source": wins.source},
            where=wins.assigned_at < Assignment.assigned_at,
        ),
        execution_options={"synchronize_session": False},
    )


def list_(session: Session, project: str, unit: str) -> Sequence[Assignment]:
    """Return the assignments of a unit in the order of experiments."""
    wanted = select(Assignment).where(Assignment.project == project, Assignment.unit == unit)
    return session.scalars(
        wanted.order_by(Assignment.experiment).execution_options(populate_existing=True)
    ).all()


def pinned_in(
    session: Session, project: str, experiment: str, units: Sequence[str] | None = None
) -> dict[str, str]:
    """Return the variant of each unit that the ledger holds for one experiment; all units when none are named."""
    wanted = select(Assignment.unit, Assignment.variant).where(
        Assignment.project == project, Assignment.experiment == experiment
    )
    if units is not None:  # PostgreSQL cannot look for a text with NUL, and keeps none
        wanted = wanted.where(Assignment.unit.in_([unit for unit in units if "\0" not in unit]))
    return dict(session.execute(wanted).all())
