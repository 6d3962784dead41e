"""Bringing the derived tables of a project up to date with its sealed facts.

The tables are derived from sealed files alone: those of open days change too often, and what they
hold is derived beside the tables whenever it is needed (:mod:`abplat.analysis.derived.kept`). Each
table is changed by one commit, and only in the days that journeys began in; the note is written last.
"""

# ruff: noqa: S608 -- queries are made of our own names, of numbers and of quoted texts
from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from abplat.analysis.derived.changes import ALWAYS, NEVER, Changes, find_changes, find_first_seen
from abplat.analysis.derived.names import (
    CUSTOMERS,
    PATHS,
    can_be_derived,
    is_of_experiment,
    name_contacts,
    name_journeys,
)
from abplat.analysis.derived.reader import TableReader, fetch
from abplat.analysis.derived.replay import Since, replay, take_journeys
from abplat.analysis.derived.tables import (
    DAY_US,
    Columns,
    Paths,
    join_columns,
    list_journey_columns,
    list_met,
    take,
    to_columns,
)
from abplat.analysis.journeys.matcher import count_within
from abplat.analysis.journeys.steps import pick_steps
from abplat.analysis.question import Match, Question, Walked
from abplat.analysis.snapshot import Snapshot
from abplat.config import Settings
from abplat.domain.journeys import JourneyDefinition
from abplat.errors import ConflictError
from abplat.facts.derived import DerivedNote, DerivedStore, DerivedTable, make_table
from abplat.facts.engines.duckdb import relation
from abplat.facts.lake import Lake
from abplat.facts.seals import file_name

Ints = NDArray[np.int64]
Progress = Callable[[str, int, int], None]
_BYTES_PER_EVENT = 250
"""Of memory, at the peak, as measured at ten million events."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to keep derived.

    Attributes:
        definitions: Journeys.
        matches: Events to count.
    """

    definitions: tuple[JourneyDefinition, ...]
    matches: tuple[Match, ...]


@dataclass(frozen=True, slots=True)
class Refreshed:
    """What a refresh did.

    Attributes:
        tables: How many tables it changed.
        rows: How many rows it wrote.
        is_rebuilt: Whether nothing of what there was could be used.
    """

    tables: int = 0
    rows: int = 0
    is_rebuilt: bool = False


def _quiet(_name: str, _done: int, _all: int) -> None:
    """Say nothing."""


def refresh_project(  # noqa: PLR0913  options by name
    lake: Lake,
    project: str,
    settings: Settings,
    wanted: Wanted,
    *,
    as_of_us: int,
    rebuild: bool = False,
    progress: Progress = _quiet,
) -> Refreshed:
    """Derive what is wanted from the sealed files of a project, and keep it.

    Args:
        lake: The facts.
        project: Key of the project.
        settings: What the engine may use.
        wanted: What to keep; other tables are let go.
        as_of_us: The present.
        rebuild: Derive everything anew.
        progress: Called with the name of a table, tables done and tables to do.

    Raises:
        ConflictError: If somebody else refreshes at the same time, or there are too many facts.
    """
    with Snapshot(lake, project, as_of_us, settings, only_sealed=True) as snapshot:
        store = DerivedStore(snapshot.sources.folder)
        if snapshot.has_captured():
            wanted = Wanted((), wanted.matches)
        wanted = _normal(wanted)
        note = None if rebuild else store.read_note()
        names = {*map(name_journeys, wanted.definitions), *map(name_contacts, wanted.matches)}
        if not names or _is_current(snapshot, note, names):
            return Refreshed()
        if not snapshot.sources.kinds["touchpoint"].whole or not snapshot.who.identities.n_customers:
            return Refreshed()
        _require_room(snapshot)
        reader = None if note is None else TableReader(snapshot.sources.connection, store, note)
        changes = None if reader is None else find_changes(snapshot, reader)
        run = _Refresh(snapshot, store, reader if changes else None, changes, progress)
        return run.run(wanted)


def _is_current(snapshot: Snapshot, note: DerivedNote | None, names: set[str]) -> bool:
    """Tell whether there is nothing to do; who has become who since is seen to with the next new file."""
    whole = snapshot.sources.kinds["touchpoint"].whole
    if note is None:
        return False
    there = {name for name in note.tables if name not in {PATHS, CUSTOMERS} and not is_of_experiment(name)}
    same_book = note.book == snapshot.sources.book.name
    return same_book and there == names and set(note.covered) == {file_name(path) for path in whole}


def _require_room(snapshot: Snapshot) -> None:
    """Refuse what could take the machine down: journeys are held in memory, all at once."""
    source = snapshot.sources.kinds["touchpoint"]
    known = source.statistics or {}
    needed = _BYTES_PER_EVENT * sum(known[path].rows or 0 for path in source.whole)
    there = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else None
    if there is not None and needed > there // 2:
        raise ConflictError(
            f"deriving journeys of this project would take some {needed / 1e9:.0f} GB of memory, "
            "more than half of what this machine has; reports are made from the facts as before"
        )


def _normal(wanted: Wanted) -> Wanted:
    """Leave out what cannot be kept, and what comes to the same."""
    journeys = {name_journeys(one): one for one in wanted.definitions if can_be_derived(one)}
    contacts = {name_contacts(match): match for match in wanted.matches}
    return Wanted(tuple(journeys.values()), tuple(contacts.values()))


class _Refresh:
    """One refresh."""

    def __init__(
        self,
        snapshot: Snapshot,
        store: DerivedStore,
        reader: TableReader | None,
        changes: Changes | None,
        progress: Progress,
    ) -> None:
        self._snapshot, self._store, self._reader, self._progress = snapshot, store, reader, progress
        self._is_rebuilt = changes is None
        self._changes = changes if changes is not None else self._no_changes()
        self._paths = Paths(reader.paths.texts if reader else ())
        self._tables: dict[str, DerivedTable] = {}
        self._written = 0
        self._rows = 0

    def _no_changes(self) -> Changes:
        """Return the changes where there is nothing yet."""
        source = self._snapshot.sources.kinds["touchpoint"]
        none = np.empty(0, np.int64)
        since = np.full(self._snapshot.who.identities.n_customers, ALWAYS, np.int64)
        first_seen = np.full(since.size, NEVER, np.int64)
        return Changes(none.astype(np.int32), since, first_seen, none, none, source.sealed, (), ())

    def run(self, wanted: Wanted) -> Refreshed:
        """Derive what is new and write it down."""
        channels, counts = self._count_channels()
        asked = Question(wanted.definitions, wanted.matches, set(wanted.definitions), channels)
        rows = {one: self._read(name_journeys(one), one) for one in wanted.definitions}
        since = Since(
            {one: self._find_since(name_journeys(one), rows[one]) for one in wanted.definitions},
            {match: self._changed(name_contacts(match)) for match in wanted.matches},
        )
        fresh = replay(self._snapshot, asked, self._everybody(), since)
        first_seen = find_first_seen(self._changes, fresh.customer, fresh.first_seen)
        customers, anchor_of = self._name_customers(first_seen)
        work = len(wanted.definitions) + len(wanted.matches)
        for place, one in enumerate(wanted.definitions):
            self._progress(one.key or name_journeys(one), place, work)
            self._keep_journeys(one, rows.pop(one), since.journeys[one], (fresh, channels), anchor_of)
        for place, match in enumerate(wanted.matches, start=len(wanted.definitions)):
            self._progress(name_contacts(match), place, work)
            self._keep_contacts(match, since.contacts[match], fresh, anchor_of)
        self._replace(
            PATHS, {"path": np.arange(len(self._paths.texts), dtype=np.int32), "channels": self._paths.texts}
        )
        self._replace(CUSTOMERS, customers)
        self._progress("", work, work)
        self._publish(channels, counts)
        return Refreshed(self._written, self._rows, self._is_rebuilt)

    def _everybody(self) -> NDArray[np.int32]:
        """Return the customer of every actor code."""
        who = self._snapshot.who
        return who.actors_of(np.ones(who.identities.n_customers, bool))

    def _count_channels(self) -> tuple[tuple[str, ...], tuple[int, ...]]:
        """Return the channels by their numbers in the tables, and how many rows came through each."""
        note = self._reader.note if self._reader else None
        counts = dict(zip(note.channels, note.channel_rows, strict=True)) if note else {}
        for sign, files in ((1, self._changes.added), (-1, self._changes.gone)):
            for name, n in self._count(files):
                counts[name] = counts.get(name, 0) + sign * n
        return tuple(counts), tuple(counts.values())

    def _count(self, files: Sequence[str]) -> list[tuple[str, int]]:
        """Count the rows of some files per channel."""
        if not files:
            return []
        query = f"SELECT channel, count(*) FROM {relation('touchpoint', files)} WHERE channel IS NOT NULL"
        found = self._snapshot.sources.connection.execute(f"{query} GROUP BY 1 ORDER BY 1").fetchall()
        return [(str(name), int(n)) for name, n in found]

    def _read(self, name: str, definition: JourneyDefinition) -> Columns | None:
        """Return the rows of a table; None where there is none yet."""
        if self._reader is None or not self._reader.has(name):
            return None
        columns = list_journey_columns(len(definition.stages), with_steps=True)
        return self._reader.read(name, ["n", *columns])

    def _changed(self, name: str) -> Ints:
        """Return since when customers have changed; all of them where there is no table yet."""
        if self._reader is None or not self._reader.has(name):
            return np.full(self._changes.since.size, ALWAYS, np.int64)
        return self._changes.since

    def _find_since(self, name: str, rows: Columns | None) -> Ints:
        """Return per customer the instant from which its journeys have to be found again."""
        since = self._changed(name).copy()
        if rows is not None:
            customer = self._changes.customer_of[rows["customer"]]
            touched = np.flatnonzero((customer >= 0) & (rows["end_us"] >= since[customer]))
            np.minimum.at(since, customer[touched], rows["clean_us"][touched])
        return since

    def _name_customers(self, first_seen: Ints) -> tuple[Columns, Ints]:
        """Return the table of customers, and per customer of the snapshot its name in the tables."""
        changes, who = self._changes, self._snapshot.who
        added = [path for path in changes.added if path]
        met = np.empty(0, np.int64)
        if added:
            query = f"SELECT DISTINCT actor_code FROM ({self._snapshot.sources.read('touchpoint', added)})"
            met = fetch(self._snapshot.sources.connection, query)["actor_code"].astype(np.int64)
        codes = list_met(changes.codes, met)
        customer = who.customers_of_known(codes)
        codes, customer = codes[customer >= 0], customer[customer >= 0]
        anchor_of = np.full(changes.since.size, -1, np.int64)
        anchor_of[customer[::-1]] = codes[::-1]  # the least is written last
        same = np.flatnonzero(changes.customer_of >= 0)
        anchor_of[changes.customer_of[same]] = same
        columns: Columns = {
            "code": codes,
            "customer": anchor_of[customer].astype(np.int32),
            "first_us": first_seen[customer],
        }
        return columns, anchor_of

    def _keep_journeys(
        self,
        one: JourneyDefinition,
        rows: Columns | None,
        since: Ints,
        found: tuple[Walked, tuple[str, ...]],
        anchor_of: Ints,
    ) -> None:
        """Replace the journeys that do not hold by those that were found."""
        fresh, channels = found
        new, inside = fresh.journeys[one], fresh.steps[one]
        holds, before = np.empty(0, bool), np.zeros(since.size, np.int64)
        if rows is not None:
            customer = self._changes.customer_of[rows["customer"]]
            holds = (customer >= 0) & (rows["start_us"] < since[customer])
            before += np.bincount(customer[holds], minlength=since.size)
        if one.reentry == "once":
            first = before[new.customer] == 0
            new, inside = take_journeys(new, first), pick_steps(inside, first)
        number = self._paths.number(inside.paths, channels)
        columns = to_columns(new, inside, number[inside.path])
        columns["n"] = (count_within(new.customer) + before[new.customer]).astype(np.int32)
        columns["customer"] = anchor_of[new.customer].astype(np.int32)
        self._swap(name_journeys(one), (rows, holds), columns, ("start_us", "start_day"), repr(one))

    def _keep_contacts(self, match: Match, since: Ints, fresh: Walked, anchor_of: Ints) -> None:
        """Replace the contacts that do not hold by those that were found."""
        name, holds = name_contacts(match), np.empty(0, bool)
        rows: Columns | None = None
        if self._reader is not None and self._reader.has(name):
            rows = self._reader.read(name, ["customer", "ts_us", "value"])
            customer = self._changes.customer_of[rows["customer"]]
            holds = (customer >= 0) & (rows["ts_us"] < since[customer])
        new = fresh.contacts[match]
        columns: Columns = {
            "customer": anchor_of[new.customer].astype(np.int32),
            "ts_us": new.ts,
            "value": new.value,
        }
        self._swap(name, (rows, holds), columns, ("ts_us", "ts_day"), repr(match))

    def _swap(
        self,
        name: str,
        old: tuple[Columns | None, NDArray[np.bool_]],
        fresh: Columns,
        days: tuple[str, str],
        about: str,
    ) -> None:
        """Write the days of a table in which something has changed."""
        instant, day = days
        rows, holds = old
        if rows is None:
            self._note(
                name, self._store.replace(name, _lay_out(fresh, instant, day), by=day, about=about), fresh
            )
            return
        was = rows[instant] // DAY_US
        touched = list_met(was[~holds], fresh[instant] // DAY_US)
        table = self._tables_before(name)
        if not touched.size:
            self._tables[name] = table
            return
        at = np.minimum(np.searchsorted(touched, was), touched.size - 1)
        kept = take(rows, np.flatnonzero(holds & (touched[at] == was)))
        joined = join_columns([kept, {each: fresh[each] for each in kept}])
        listed = [date.fromordinal(719_163 + each).isoformat() for each in touched.tolist()]
        laid = _lay_out(joined, instant, day)
        self._note(name, self._store.replace_days(name, table, laid, day, listed), joined)

    def _tables_before(self, name: str) -> DerivedTable:
        """Return a table as the note knows it."""
        if self._reader is None:
            raise ConflictError(f"there is no table {name}")
        return self._reader.note.tables[name]

    def _replace(self, name: str, columns: dict[str, Any]) -> None:
        """Write a small table anew."""
        self._note(name, self._store.replace(name, make_table(columns)), columns)

    def _note(self, name: str, table: DerivedTable, columns: dict[str, Any]) -> None:
        """Remember what was written."""
        self._tables[name] = table
        self._written += 1
        self._rows += len(next(iter(columns.values())))

    def _of_experiments(self) -> dict[str, DerivedTable]:
        """Return the tables of experiments as they were: they are as of another instant, and say so."""
        tables = self._reader.note.tables if self._reader else {}
        return {name: table for name, table in tables.items() if is_of_experiment(name)}

    def _publish(self, channels: Iterable[str], counts: Iterable[int]) -> None:
        """Write the note."""
        sources = self._snapshot.sources
        whole = sources.kinds["touchpoint"].whole
        note = DerivedNote(
            book=sources.book.name,
            through_us=self._snapshot.as_of_us,
            covered=tuple(sorted(map(file_name, whole))),
            channels=tuple(channels),
            channel_rows=tuple(counts),
            tables=dict(sorted({**self._of_experiments(), **self._tables}.items())),
        )
        self._store.publish(note, sources.list_files())


def _lay_out(columns: Columns, instant: str, day: str) -> Any:
    """Return rows by day and customer, with their day."""
    days = columns[instant] // DAY_US
    order = np.argsort((days << 32) | columns["customer"], kind="stable")
    return make_table({**take(columns, order), day: days[order]})
