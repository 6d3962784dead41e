"""Using what was derived before: rows that still hold, and what is new derived beside them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from abplat.analysis.derived.changes import NEVER, Changes, find_changes, find_first_seen
from abplat.analysis.derived.names import can_be_derived, name_contacts, name_journeys
from abplat.analysis.derived.reader import TableReader
from abplat.analysis.derived.replay import (
    Since,
    join_contacts,
    join_journeys,
    replay,
    settle,
    take_journeys,
)
from abplat.analysis.derived.tables import Columns, list_journey_columns, take, to_journeys, to_steps
from abplat.analysis.journeys.kernel import order_by_customer
from abplat.analysis.journeys.matcher import count_within
from abplat.analysis.journeys.results import JourneyColumns
from abplat.analysis.journeys.steps import JourneySteps, join_steps, pick_steps
from abplat.analysis.question import ContactEvents, Match, Question, Walked
from abplat.analysis.snapshot import Snapshot
from abplat.domain.journeys import JourneyDefinition
from abplat.facts.derived import DerivedStore

Ints = NDArray[np.int64]
_MOST = 2
"""One customer in so many may have changed."""


@dataclass(frozen=True, slots=True)
class Kept:
    """Derived tables that a snapshot can use.

    Attributes:
        snapshot: The facts.
        reader: The tables.
        changes: What is new since they were derived.
    """

    snapshot: Snapshot
    reader: TableReader
    changes: Changes

    def has_journeys(self, definition: JourneyDefinition) -> bool:
        """Tell whether there is a table of a definition's journeys."""
        return can_be_derived(definition) and self.reader.has(name_journeys(definition))

    def has_contacts(self, match: Match) -> bool:
        """Tell whether there is a table of the events that a match counts."""
        return self.reader.has(name_contacts(match))

    @property
    def channels(self) -> tuple[str, ...]:
        """The channels of all touchpoints, sorted."""
        return self.changes.channels

    def is_worth_it(self, chosen: NDArray[np.int32]) -> bool:
        """Tell whether more of the chosen customers hold than have changed: else reading all is quicker."""
        is_chosen = np.zeros(self.changes.since.size, bool)
        is_chosen[chosen[chosen >= 0]] = True
        changed = np.count_nonzero(is_chosen & (self.changes.since < NEVER))
        return int(changed) * _MOST <= int(np.count_nonzero(is_chosen))

    def read(self, asked: Question, chosen: NDArray[np.int32]) -> Walked:
        """Answer a question whose tables are all there, as of the snapshot.

        Args:
            asked: What to look for, with the channels of this.
            chosen: Per actor code the customer, -1 for codes that are not asked for.
        """
        customer_of = self._choose(chosen)
        rows = {one: self._read_journeys(asked, one, customer_of) for one in asked.definitions}
        since = Since(
            {one: rows[one].find_since(self.changes.since) for one in asked.definitions},
            dict.fromkeys(asked.matches, self.changes.since),
        )
        fresh = replay(self.snapshot, asked, chosen, since)
        journeys, steps = {}, {}
        for one in asked.definitions:
            found, inside = self._join(one, rows.pop(one), since.journeys[one], fresh)
            journeys[one] = settle(found, one, self.snapshot.as_of_us)
            if inside is not None:
                steps[one] = inside
        contacts = {
            match: self._join_contacts(match, customer_of, fresh.contacts[match]) for match in asked.matches
        }
        first_seen = find_first_seen(self.changes, fresh.customer, fresh.first_seen)
        return Walked(journeys, steps, contacts, np.arange(first_seen.size, dtype=np.int32), first_seen)

    def _choose(self, chosen: NDArray[np.int32]) -> NDArray[np.int32]:
        """Return per customer of the tables that of the snapshot, if it is chosen and still holds."""
        is_chosen = np.zeros(self.changes.since.size + 1, bool)
        is_chosen[chosen[chosen >= 0]] = True
        customer_of = self.changes.customer_of
        return np.where(is_chosen[customer_of], customer_of, -1).astype(np.int32)

    def _read_journeys(
        self, asked: Question, definition: JourneyDefinition, customer_of: NDArray[np.int32]
    ) -> JourneyRows:
        """Read the journeys of chosen customers that the tables hold."""
        columns = list_journey_columns(len(definition.stages), with_steps=definition in asked.own)
        rows = self.reader.read(name_journeys(definition), columns)
        return JourneyRows(rows, customer_of[rows["customer"]])

    def _join(
        self, one: JourneyDefinition, rows: JourneyRows, since: Ints, fresh: Walked
    ) -> tuple[JourneyColumns, JourneySteps | None]:
        """Put the journeys that still hold and the new ones together, by customer and start."""
        holds = rows.find_holding(since)
        new, inside = fresh.journeys[one], fresh.steps.get(one)
        if one.reentry == "once":
            had = np.zeros(since.size + 1, bool)
            had[rows.customer[holds]] = True
            first = ~had[new.customer]
            new = take_journeys(new, first)
            inside = None if inside is None else pick_steps(inside, first)
        customer = np.concatenate([rows.customer[holds], new.customer])
        order = order_by_customer(customer, since.size)
        if not len(new):  # each column is moved once only
            old, order = take(rows.columns, holds[order]), None
        else:
            old = take(rows.columns, holds)
        found = to_journeys(old, customer[: holds.size], self.reader.places_of(self.channels))
        if inside is not None:
            place_of = {name: place for place, name in enumerate(self.channels)}
            inside = join_steps([to_steps(old, self.reader.paths, place_of), inside])
        if order is None:
            found = replace(found, customer=np.sort(customer))
        else:
            found = take_journeys(join_journeys([found, new]), order)
            inside = None if inside is None else order_steps(inside, order)
        return replace(found, n=count_within(found.customer)), inside

    def _join_contacts(
        self, match: Match, customer_of: NDArray[np.int32], fresh: ContactEvents
    ) -> ContactEvents:
        """Put the contacts that still hold and the new ones together, by customer and time."""
        rows = self.reader.read(name_contacts(match), ["customer", "ts_us", "value"])
        customer = customer_of[rows["customer"]]
        holds = (customer >= 0) & (rows["ts_us"] < self.changes.since[customer])
        old = ContactEvents(customer[holds], rows["ts_us"][holds], rows["value"][holds])
        found = join_contacts([old, fresh])
        order = order_by_customer(found.customer, self.changes.since.size)
        return ContactEvents(found.customer[order], found.ts[order], found.value[order])


@dataclass(frozen=True, slots=True)
class JourneyRows:
    """Rows of a table of journeys with the customers of the snapshot; -1 where those do not hold."""

    columns: Columns
    customer: NDArray[np.int32]

    def find_since(self, changed: Ints) -> Ints:
        """Return per customer the instant from which its journeys have to be found again."""
        since = changed.copy()
        if (changed < NEVER).any():
            touched = np.flatnonzero(
                (self.customer >= 0) & (self.columns["end_us"] >= changed[self.customer])
            )
            np.minimum.at(since, self.customer[touched], self.columns["clean_us"][touched])
        return since

    def find_holding(self, since: Ints) -> Ints:
        """Return the rows of chosen customers that still hold."""
        known = self.customer >= 0
        if (since < NEVER).any():
            known &= self.columns["start_us"] < since[self.customer]
        return np.flatnonzero(known)


def order_steps(steps: JourneySteps, order: Ints) -> JourneySteps:
    """Put what happened inside journeys into another order."""
    columns = {name: getattr(steps, name)[order] for name in ("path", "ad_hoc", "out_of_order", "rework")}
    return replace(steps, **columns)


def open_kept(snapshot: Snapshot) -> Kept | None:
    """Open the derived tables of a snapshot's project; None where they are of no use to it."""
    store = DerivedStore(snapshot.sources.folder)
    note = store.read_note()
    if note is None:
        return None
    reader = TableReader(snapshot.sources.connection, store, note)
    changes = find_changes(snapshot, reader)
    return None if changes is None else Kept(snapshot, reader, changes)
