"""The ledger of assignments: the earliest one per unit and experiment stays."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine, delete, select
from sqlalchemy.orm import Session

from abplat.clock import from_micros, to_micros
from abplat.db.driver import fetch, fetch_alone, run_many
from abplat.db.models.assignments import Assignment, AssignmentConflict
from abplat.db.queries import suppression

FRESH = "fresh"
INHERITED = "inherited"

_conflicts: Any = AssignmentConflict.__table__
_ENTRIES = """
SELECT unit, experiment, variant, assigned_at, source, channel, origin FROM assignments
WHERE project = ? AND unit IN [] ORDER BY assigned_at, unit
"""
_ALONE = """
SELECT m.component, a.unit, a.experiment, a.variant, a.assigned_at, a.source, a.channel, a.origin
FROM (SELECT 1) AS one
LEFT JOIN identity_members m ON m.project = ? AND m.id = ?
LEFT JOIN assignments a ON a.project = ? AND a.unit = ?
ORDER BY a.assigned_at
"""
_KEEP = """
INSERT INTO assignments (project, unit, experiment, variant, assigned_at, source, channel, origin)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (project, unit, experiment) DO UPDATE SET variant = excluded.variant,
  assigned_at = excluded.assigned_at, source = excluded.source, channel = excluded.channel, origin = excluded.origin
WHERE excluded.assigned_at < assignments.assigned_at
"""
_NOTE = """
INSERT INTO assignment_conflicts
  (project, experiment, unit, variant, assigned_at, kept_unit, kept_variant, kept_assigned_at, found_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING
"""


class Pin(NamedTuple):
    """The variant that holds for a unit in one experiment, since when and from where."""

    variant: str
    assigned_at: datetime
    source: str = FRESH
    channel: str | None = None
    origin: str | None = None


class Entry(NamedTuple):
    """One line of the ledger."""

    unit: str
    experiment: str
    pin: Pin


class Conflict(NamedTuple):
    """An assignment that gave way to an earlier one of the same customer."""

    lost: Entry
    kept: Entry


def entries_of(connection: Connection, project: str, units: Iterable[str]) -> list[Entry]:
    """Return what the ledger holds for some units: the earliest first, ties in the order of units."""
    return [_entry(row) for row in fetch(connection, _ENTRIES, [project], list(units))]


def entries_alone(engine: Engine, project: str, unit: str) -> list[Entry] | None:
    """Return what the ledger holds for an id that was never joined with another; None for one that was.

    Most visitors are of this kind, and one statement tells all.
    """
    rows = fetch_alone(engine, _ALONE, (project, unit, project, unit))
    if rows[0][0] is not None:
        return None
    return [_entry(row[1:]) for row in rows if row[1] is not None]


def _entry(row: Sequence[Any]) -> Entry:
    """Return a line of the ledger as the table keeps it."""
    unit, experiment, variant, at, source, channel, origin = row
    return Entry(unit, experiment, Pin(variant, from_micros(at), source, channel, origin))


def forget_experiment(session: Session, project: str, experiment: str) -> int:
    """Let go of every assignment of an experiment whose salt is new; return how many there were."""
    wanted = delete(Assignment).where(Assignment.project == project, Assignment.experiment == experiment)
    return int(session.execute(wanted).rowcount)  # type: ignore[attr-defined]


def keep(connection: Connection, project: str, entries: Sequence[Entry]) -> None:
    """Keep assignments; an earlier one in the ledger wins. Of who was erased nothing is kept."""
    erased = suppression.find_among(connection, project, {entry.unit for entry in entries})
    rows = (
        (project, unit, experiment, *_values(pin))
        for unit, experiment, pin in entries
        if unit not in erased and pin.origin not in erased
    )
    run_many(connection, _KEEP, rows)


def note_conflicts(
    connection: Connection, project: str, conflicts: Sequence[Conflict], now: datetime
) -> None:
    """Keep conflicts, each once."""
    rows = (
        (project, lost.experiment, lost.unit, lost.pin.variant, to_micros(lost.pin.assigned_at),
         kept.unit, kept.pin.variant, to_micros(kept.pin.assigned_at), to_micros(now))
        for lost, kept in conflicts
    )  # fmt: skip
    run_many(connection, _NOTE, rows)


def _values(pin: Pin) -> tuple[Any, ...]:
    """Return a pin as the table keeps it."""
    return pin.variant, to_micros(pin.assigned_at), pin.source, pin.channel, pin.origin


def list_conflicts(
    connection: Connection, project: str, experiment: str | None, limit: int, before: int | None
) -> Sequence[Any]:
    """Return conflicts of a project, youngest first, with numbers below ``before``."""
    wanted = select(_conflicts).where(_conflicts.c.project == project)
    if experiment is not None:
        wanted = wanted.where(_conflicts.c.experiment == experiment)
    if before is not None:
        wanted = wanted.where(_conflicts.c.id < before)
    return connection.execute(wanted.order_by(_conflicts.c.id.desc()).limit(limit)).mappings().all()
