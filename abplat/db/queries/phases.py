"""Read the phases of an experiment, and tell which draw an assignment is of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, select
from sqlalchemy.orm import Session

from abplat.clock import from_micros
from abplat.db.driver import fetch, run
from abplat.db.models.phases import Phase

_DRAWS = """
SELECT e.key, max(p.number), max(p.started_at) FROM phases p JOIN experiments e ON e.id = p.experiment_id
WHERE e.project = ? AND p.kind = 'reset' AND e.key IN [] GROUP BY e.key
"""
_SHARE = "SELECT pg_advisory_xact_lock_shared(hashtextextended(?, 0))"
_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended(?, 0))"


class Draw(NamedTuple):
    """The draw that a reset began: the number of its first phase, and when that was."""

    phase: int
    since: datetime

    def covers(self, at: datetime, phase: int | None) -> bool:
        """Tell whether something was shown under this draw: its phase says so, where it is known, else its time.

        Examples:
            >>> from datetime import UTC
            >>> draw = Draw(3, datetime(2026, 3, 4, tzinfo=UTC))
            >>> draw.covers(datetime(2026, 3, 5, tzinfo=UTC), None), draw.covers(datetime(2026, 3, 5, tzinfo=UTC), 2)
            (True, False)
        """
        return at >= self.since if phase is None else phase >= self.phase


def present_draws(connection: Connection, project: str, experiments: Iterable[str]) -> dict[str, Draw]:
    """Return the present draw of those experiments that were ever reset.

    Whoever keeps assignments asks this first, in the same transaction: a reset waits until that has ended,
    and what it forgets stays forgotten.
    """
    keys = sorted(set(experiments))
    if not keys:
        return {}
    if connection.dialect.name == "postgresql":
        run(connection, _SHARE, [f"abplat-draws:{project}"])
    return {
        key: Draw(number, from_micros(at)) for key, number, at in fetch(connection, _DRAWS, [project], keys)
    }


def lock_draws(connection: Connection, project: str) -> None:
    """Let nobody keep an assignment until the transaction ends; on SQLite a writer is alone anyway."""
    if connection.dialect.name == "postgresql":
        run(connection, _LOCK, [f"abplat-draws:{project}"])


def list_(session: Session, experiment_id: int) -> Sequence[Phase]:
    """Return the phases of an experiment, oldest first."""
    wanted = select(Phase).where(Phase.experiment_id == experiment_id)
    return session.scalars(wanted.order_by(Phase.number)).all()


def get_last(session: Session, experiment_id: int) -> Phase:
    """Return the present phase of an experiment that has started; what the session holds is not written yet."""
    wanted = select(Phase).where(Phase.experiment_id == experiment_id)
    with session.no_autoflush:
        return session.scalars(wanted.order_by(Phase.number.desc()).limit(1)).one()
