"""The sticky ledger: which variant holds for a customer, whichever of the ids is presented.

The earliest assignment of all ids of a component wins. A record is never lost: where one gives way to an
earlier one, both stand in the conflicts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine

from abplat.db.queries import assignments, phases, suppression
from abplat.db.queries import identities as queries
from abplat.db.queries.assignments import FRESH, INHERITED, Conflict, Entry, Pin
from abplat.domain.components import ERASED, JOINED, SHARED, Join
from abplat.domain.identities import Identification
from abplat.services import components
from abplat.services.components import Standing


class Identified(NamedTuple):
    """What a device has to know after a log-in."""

    unit: str
    pins: dict[str, str]
    shared: bool
    """The anonymous id belongs to several customers, such as a store tablet: nothing is inherited."""
    conflicts: list[str]
    """Experiments where two ids had met different variants; the earlier one is served from now on."""
    outcome: str
    """What became of the join: joined, refused, limited, shared, retracted or erased."""


class Held(NamedTuple):
    """Who was presented, and what the ledger holds for them."""

    standing: Standing
    entries: dict[str, Entry]

    @property
    def pins(self) -> dict[str, str]:
        """The variant per experiment."""
        return {key: entry.pin.variant for key, entry in sorted(self.entries.items())}


def look_up(connection: Connection, project: str, presented: tuple[str, ...]) -> Held:
    """Return who stands behind ids and which assignments hold; none for shared ids."""
    standing = components.look_up(connection, project, presented)
    if standing.shared:
        return Held(standing, {})
    return Held(standing, earliest(assignments.entries_of(connection, project, standing.ids)))


def look_up_alone(engine: Engine, project: str, unit: str) -> Held | None:
    """Return what :func:`look_up` would, in one statement; None for an id that was ever joined with another."""
    entries = assignments.entries_alone(engine, project, unit)
    if entries is None:
        return None
    return Held(Standing(unit, (unit,), shared=False), {entry.experiment: entry for entry in entries})


def earliest(entries: Iterable[Entry]) -> dict[str, Entry]:
    """Return the earliest assignment of each experiment; what comes first wins a tie."""
    found: dict[str, Entry] = {}
    for entry in entries:
        kept = found.get(entry.experiment)
        if kept is None or entry.pin.assigned_at < kept.pin.assigned_at:
            found[entry.experiment] = entry
    return found


def identify(connection: Connection, project: str, said: Identification, now: datetime) -> Identified:
    """Join an anonymous id with a known one and say which variants hold for the customer.

    An id that belongs to several customers passes nothing on: one family member's variants are not
    another's. Runs inside the transaction that keeps the join as a fact.
    """
    queries.lock(connection, project)
    if suppression.find_among(connection, project, {said.anonymous, said.known}):
        return Identified(said.known, {}, shared=False, conflicts=[], outcome=ERASED)
    outcome = components.join(connection, project, Join(said.anonymous, said.known, said.at))
    reported = _reported(connection, project, said)
    if outcome == JOINED:
        return _inherit(connection, project, said, reported, now)
    if outcome != SHARED:
        assignments.keep(connection, project, reported)
    held = look_up(connection, project, (said.known,))
    return Identified(held.standing.unit, held.pins, outcome == SHARED, [], outcome)


def _reported(connection: Connection, project: str, said: Identification) -> list[Entry]:
    """Return what a device has shown, but for what a reset has made void since."""
    draws = phases.present_draws(connection, project, said.assignments)
    return [
        Entry(said.anonymous, key, Pin(variant, said.seen_at(key), FRESH, said.channel))
        for key, variant in said.assignments.items()
        if key not in draws or draws[key].covers(said.seen_at(key), said.phases.get(key))
    ]


def _inherit(
    connection: Connection, project: str, said: Identification, reported: list[Entry], now: datetime
) -> Identified:
    """Let the customer and the known id have the earliest assignments of the component."""
    standing = components.look_up(connection, project, (said.known,))
    stored = assignments.entries_of(connection, project, standing.ids)
    whole = earliest([*stored, *reported])
    found = _conflicts([*stored, *reported], whole)
    if found:
        assignments.note_conflicts(connection, project, found, now)
    units = dict.fromkeys((standing.unit, said.known))
    inherited = [
        _as_inherited(entry, unit) for unit in units for entry in whole.values() if entry.unit != unit
    ]
    assignments.keep(connection, project, _news([*reported, *inherited], stored))
    pins = Held(standing, whole).pins
    return Identified(standing.unit, pins, False, sorted({each.lost.experiment for each in found}), JOINED)  # noqa: FBT003  # a field


def _news(entries: list[Entry], stored: list[Entry]) -> list[Entry]:
    """Return the assignments that are earlier than what is stored, one per unit and experiment."""
    at = {(entry.unit, entry.experiment): entry.pin.assigned_at for entry in stored}
    fresh: dict[tuple[str, str], Entry] = {}
    for entry in entries:
        place = entry.unit, entry.experiment
        if place not in at or entry.pin.assigned_at < at[place]:
            fresh[place] = entry
            at[place] = entry.pin.assigned_at
    return list(fresh.values())


def _as_inherited(entry: Entry, unit: str) -> Entry:
    """Return an assignment as another unit takes it over; its origin stays the first unit."""
    pin = entry.pin
    return Entry(unit, entry.experiment, pin._replace(source=INHERITED, origin=pin.origin or entry.unit))


def _conflicts(entries: Iterable[Entry], whole: Mapping[str, Entry]) -> list[Conflict]:
    """Return the assignments that another variant has overtaken."""
    return [
        Conflict(entry, whole[entry.experiment])
        for entry in entries
        if entry.pin.variant != whole[entry.experiment].pin.variant
    ]


def record_conflicts(connection: Connection, project: str, unit: str, now: datetime) -> list[str]:
    """Note where the ids of a component have met different variants, and name the experiments."""
    standing = components.look_up(connection, project, (unit,))
    stored = assignments.entries_of(connection, project, standing.ids)
    found = _conflicts(stored, earliest(stored))
    assignments.note_conflicts(connection, project, found, now)
    return sorted({each.lost.experiment for each in found})


def assign(
    connection: Connection,
    project: str,
    presented: tuple[str, ...],
    pins: Mapping[str, Pin],
    made_in: Mapping[str, int | None] | None = None,
) -> Held:
    """Keep new assignments of whoever was presented, and return what holds then; a rival may have been first.

    Args:
        connection: Inside the transaction.
        project: Key of the project.
        presented: The ids.
        pins: What was decided per experiment.
        made_in: The phase that decided each; what one before a reset has decided is not kept.
    """
    queries.lock(connection, project)
    draws = phases.present_draws(connection, project, pins)
    held = look_up(connection, project, presented)
    if held.standing.shared:
        return held
    unit = held.standing.unit
    decided_in = made_in or {}
    new = [
        Entry(unit, key, pin)
        for key, pin in pins.items()
        if key not in held.entries
        and (key not in draws or draws[key].covers(pin.assigned_at, decided_in.get(key)))
    ]
    assignments.keep(connection, project, new)
    return Held(held.standing, {**held.entries, **{entry.experiment: entry for entry in new}})


def list_conflicts(
    connection: Connection, project: str, *, experiment: str | None, limit: int, before: int | None
) -> list[dict[str, Any]]:
    """Return conflicts, youngest first, each with both records."""
    return [dict(row) for row in assignments.list_conflicts(connection, project, experiment, limit, before)]
