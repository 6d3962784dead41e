"""The ledger of assignments: the earliest one per unit and experiment stays."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from abplat.db.models.assignments import Assignment


def insert_for(session: Session, model: type[Any]) -> Any:
    """Return the INSERT of the session's database, which can say what to do on a conflict."""
    dialect = session.get_bind().dialect.name
    return (postgresql if dialect == "postgresql" else sqlite).insert(model)


def keep_earliest(
    session: Session, project: str, unit: str, pins: Iterable[tuple[str, str, datetime, str]]
) -> None:
    """Keep assignments (experiment, variant, time, source); an earlier one in the ledger wins."""
    rows = [
        {
            "project": project,
            "unit": unit,
            "experiment": experiment,
            "variant": variant,
            "assigned_at": at,
            "source": source,
        }
        for experiment, variant, at, source in sorted(pins)
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
