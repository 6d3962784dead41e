"""Sealing: a day's files become one, each event id once, ids of people as numbers, sorted.

Rows of a day are read and replaced through one handle of its table: whoever appends meanwhile makes
the replacement fail, and the next run tries again. The book of ids is written before the files that
use its numbers, the note of sealed files after them (:mod:`abplat.facts.seals`); a crash in between
leaves facts as they were, only not noted as sealed.

A copy of an event id is dropped only where a copy that counts before it can be seen whenever it can
be seen itself, so that the past looks the same from every instant. A day that holds any other copy
stays as it is.
"""

# ruff: noqa: S608 -- queries are made of our own names, of numbers and of quoted texts
from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb

from abplat.errors import ConflictError
from abplat.facts.actors import ID_TYPE, NEVER_US, SUSPECT, ActorBook
from abplat.facts.engines.duckdb import nothing, relation
from abplat.facts.lake import Lake, LakeTable
from abplat.facts.seals import SealedFile, Seals, file_name, read_seals, split, write_seals
from abplat.facts.tables import CODED, SCHEMAS

ORDER = {
    "touchpoint": "actor_code, ts_us, event_id",
    "exposure": "experiment, ts_us, event_id",
    "alias": "ts_us, received_us, batch, event_id",
}
ID_HASH = "(md5_number_lower(event_id) >> 1)::BIGINT"


def first_received(kind: str) -> str:
    """Return the order of copies of one event, as SQL: the first one counts.

    By receipt, then batch and time. Copies that agree in all three may still differ; that nothing
    depends on how they lie, everything else decides in the end.

    Examples:
        >>> first_received("alias")
        'received_us, batch, ts_us, a, b, source'
    """
    rest = [name for name in SCHEMAS[kind].names if name not in _COMMON]
    return ", ".join(["received_us", "batch", "ts_us", *rest])


_COMMON = ("event_id", "received_us", "batch", "ts_us", "day")
_FEW_FILES = 4
_DAY_US = 86_400_000_000
_DAYS_OPEN = 3
_DAYS_AT_ONCE = 10
_KEPT = (
    "ANTI JOIN (FROM sealing_copies WHERE place > 1) gone "
    "ON gone.path = e.filename AND gone.place_in_file = e.file_row_number"
)

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Sealed:
    """What a run of sealing did."""

    days: int = 0
    rows: int = 0
    dropped: int = 0
    contested: tuple[str, ...] = ()
    """Days left alone for a copy that cannot be dropped."""


def _quiet(_kind: str, _done: int, _all: int) -> None:
    """Say nothing."""


def seal_project(
    connection: duckdb.DuckDBPyConnection,
    lake: Lake,
    project: str,
    now_us: int,
    *,
    everything: bool = False,
    progress: Progress = _quiet,
) -> Sealed:
    """Seal the days of a project that are three days old, or have become many files.

    Args:
        connection: An engine, for this alone.
        lake: The facts.
        project: Key of the project.
        now_us: The present.
        everything: Seal all days, also those that still fill.
        progress: Called with kind, days done and days to do.
    """
    # Without it an engine of several threads hands sorted rows over in any order of their batches.
    connection.execute("SET preserve_insertion_order = true")
    total = Sealed()
    for kind in CODED:
        total = _add(total, _Sealing(connection, lake, project, kind).run(now_us, everything, progress))
    return total


def _add(one: Sealed, other: Sealed) -> Sealed:
    """Add up what two runs did."""
    return Sealed(
        one.days + other.days,
        one.rows + other.rows,
        one.dropped + other.dropped,
        (*one.contested, *other.contested),
    )


class _Sealing:
    """The sealing of one table."""

    def __init__(self, connection: Any, lake: Lake, project: str, kind: str) -> None:
        self._connection = connection
        self._lake = lake
        self._project = project
        self._kind = kind
        self._folder = lake.path(project, kind).parent
        self._columns = ", ".join(name for name in SCHEMAS[kind].names if name != "day")

    def run(self, now_us: int, everything: bool, progress: Progress) -> Sealed:  # noqa: FBT001  passed through
        """Seal what is due, some days at a time."""
        table = self._lake.find(self._project, self._kind)
        if table is None:
            return Sealed()
        seals = self._check_book(read_seals(self._folder))
        sealed, loose = split(table.files, seals.of(self._kind))
        due = _due_days(loose, now_us, everything=everything)
        self._find_copies(sealed, [path for path in loose if _day_of(path) in due])
        contested = self._contested()
        due = [day for day in self._with_copies(due, sealed) if day not in contested]
        done = Sealed(contested=tuple(f"{self._kind} {day}" for day in contested))
        if due:
            seals = self._number_ids([path for path in table.files if _day_of(path) in set(due)], seals)
            write_seals(self._folder, seals)
        for first in range(0, len(due), _DAYS_AT_ONCE):
            progress(self._kind, first, len(due))
            try:
                done = _add(done, self._seal(due[first : first + _DAYS_AT_ONCE], table))
            except ConflictError:
                continue  # somebody appends to these days; the next run tries again
        progress(self._kind, len(due), len(due))
        if due:
            table.drop_old_files()
        return done

    def _check_book(self, seals: Seals) -> Seals:
        """Forget all seals if the book of ids is not the one whose numbers they use."""
        book = ActorBook(self._folder)
        return seals if seals.book == book.name else Seals(next_code=book.next_code(self._connection))

    def _find_copies(self, sealed: Sequence[str], loose: Sequence[str]) -> None:
        """Find all copies of ids that are there more than once among loose and sealed rows.

        ``place`` 1 is the copy that counts; ``best_us`` says since when one before it can be seen.
        """
        row = "filename AS path, file_row_number AS place_in_file"
        first = first_received(self._kind)
        fields = f"event_id, {row}, greatest(ts_us, received_us) AS seen_us, {first}"
        both = (
            f"SELECT {fields} FROM {relation(self._kind, loose, rows=True)} WHERE {ID_HASH} IN (FROM twice)"
            if loose
            else ""
        )
        hashes, held = (
            f"SELECT {ID_HASH} AS id_hash FROM {relation(self._kind, loose)}"
            if loose
            else "SELECT 0 WHERE false",
            "",
        )
        if loose and sealed:
            both += f" UNION ALL SELECT {fields} FROM {relation(self._kind, sealed, rows=True)} WHERE id_hash IN (FROM twice)"
            held = f" UNION SELECT DISTINCT id_hash FROM {relation(self._kind, sealed)} SEMI JOIN hashes USING (id_hash)"
        if not loose:
            both = f"SELECT {fields} FROM (SELECT *, '' AS filename, 0 AS file_row_number FROM ({nothing(self._kind)}))"
        self._connection.execute(
            f"CREATE OR REPLACE TEMP TABLE sealing_copies AS WITH hashes AS MATERIALIZED ({hashes}), "
            f"twice AS MATERIALIZED (SELECT id_hash FROM hashes GROUP BY 1 HAVING count(*) > 1{held}), "
            f"every AS ({both}) "
            "SELECT path, place_in_file, seen_us, row_number() OVER same AS place, "
            "min(seen_us) OVER (PARTITION BY event_id "
            f"ORDER BY {first} ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS best_us "
            f"FROM every WINDOW same AS (PARTITION BY event_id ORDER BY {first})"
        )

    def _contested(self) -> list[str]:
        """Return the days that hold a copy which can be seen while no copy before it can."""
        found = self._connection.execute(
            "SELECT DISTINCT path FROM sealing_copies WHERE place > 1 AND best_us > seen_us"
        ).fetchall()
        return sorted({_day_of(path) for (path,) in found})

    def _with_copies(self, due: Iterable[str], sealed: Iterable[str]) -> list[str]:
        """Add the sealed days that hold a copy which must go."""
        names = {file_name(path) for path in sealed}
        losers = self._connection.execute(
            "SELECT DISTINCT path FROM sealing_copies WHERE place > 1"
        ).fetchall()
        return sorted({*due, *(_day_of(path) for (path,) in losers if file_name(path) in names)})

    def _seal(self, days: Sequence[str], table: LakeTable) -> Sealed:
        """Seal some days in one commit, of files that were looked at with this handle."""
        files = [path for path in table.files if _day_of(path) in set(days)]
        seals = read_seals(self._folder)
        dropped, rows = self._rewrite(table, days, files)
        made = {file_name(path): path for path in table.files if _day_of(path) in set(days)}
        self._note(seals, files, made)
        return Sealed(len(days), rows, dropped)

    def _number_ids(self, files: Sequence[str], seals: Seals) -> Seals:
        """Enter the ids of some files into the book."""
        book = ActorBook(self._folder)
        known_us = "greatest(ts_us, received_us)" if self._kind == "touchpoint" else f"{NEVER_US}::BIGINT"
        ids = " UNION ALL ".join(
            f"SELECT {column} AS actor, {known_us} AS known_us FROM {relation(self._kind, files, rows=True)} e {_KEPT}"
            for column in CODED[self._kind]
        )
        self._connection.execute(
            "CREATE OR REPLACE TEMP TABLE sealing_ids AS "
            f"SELECT actor, min(known_us) AS known_us FROM ({ids}) GROUP BY actor"
        )
        self._connection.execute(
            "CREATE OR REPLACE TEMP TABLE sealing_book AS "
            "SELECT actor, b.code, least(b.known_us, s.known_us) AS known_us, b.is_suspect "
            f"FROM ({book.query()}) b FULL JOIN sealing_ids s USING (actor)"
        )
        [(new,)] = self._connection.execute("SELECT count(*) FROM sealing_book WHERE code IS NULL").fetchall()
        self._connection.execute(
            "CREATE OR REPLACE TEMP TABLE sealing_codes AS "
            f"SELECT actor, {seals.next_code - 1} + row_number() OVER (ORDER BY actor) AS code "
            "FROM sealing_book WHERE code IS NULL"
        )
        query = (
            "SELECT b.actor, coalesce(b.code, c.code)::BIGINT AS code, b.known_us, "
            f"coalesce(b.is_suspect, {SUSPECT.replace('actor', 'b.actor')}) AS is_suspect, "
            f"{ID_TYPE.replace('actor', 'b.actor')} AS id_type, "
            "row_number() OVER (ORDER BY b.actor) AS place "
            "FROM sealing_book b LEFT JOIN sealing_codes c USING (actor) ORDER BY b.actor"
        )
        book.replace(self._connection, query)
        return replace(seals, book=book.name, next_code=seals.next_code + int(new))

    def _rewrite(self, table: LakeTable, days: Sequence[str], files: Sequence[str]) -> tuple[int, int]:
        """Replace the days; return how many copies were dropped and how many rows stayed."""
        query = f"CREATE OR REPLACE TEMP TABLE sealing_codes AS {ActorBook(self._folder).query()}"
        self._connection.execute(query)
        codes = ", ".join(f"c{i}.code AS {name}_code" for i, name in enumerate(CODED[self._kind]))
        joins = " ".join(
            f"JOIN sealing_codes c{i} ON c{i}.actor = e.{name}" for i, name in enumerate(CODED[self._kind])
        )
        columns = ", ".join(f"e.{name.strip()}" for name in self._columns.split(","))
        query = (
            f"SELECT {columns}, {codes}, {ID_HASH.replace('event_id', 'e.event_id')} AS id_hash, e.day "
            f"FROM {relation(self._kind, files, rows=True)} e {joins} {_KEPT} "
            f"ORDER BY e.day, {ORDER[self._kind]}"
        )
        before, after = (
            _count(self._connection, self._kind, files),
            table.replace_days(days, self._connection.sql(query)),
        )
        return before - after, after

    def _note(self, seals: Seals, old: Sequence[str], made: dict[str, str]) -> None:
        """Note what is sealed now, and forget files that are gone."""
        captured, channels = set(), dict[str, tuple[str, ...] | None]()
        if self._kind == "touchpoint" and made:
            channels = self._list_channels(list(made.values()))
            found = self._connection.execute(
                f"SELECT DISTINCT filename FROM {relation(self._kind, list(made.values()), rows=True)} "
                "WHERE props IS NOT NULL AND contains(props, '\"captured\"')"
            ).fetchall()
            captured = {file_name(path) for (path,) in found}
        before = dict(seals.of(self._kind))
        table = self._lake.open(self._project, self._kind)
        there = {file_name(path) for path in table.files}
        for name in made:
            day = name.partition("/")[0]
            replaced = tuple(sorted(file_name(path) for path in old if file_name(path).startswith(f"{day}/")))
            before[name] = SealedFile(replaced, name in captured, channels.get(name), in_order=True)
        kept = {name: sealed for name, sealed in before.items() if name in there}
        write_seals(self._folder, replace(seals, files={**seals.files, self._kind: kept}))

    def _list_channels(self, files: Sequence[str]) -> dict[str, tuple[str, ...] | None]:
        """Return the channels of each file, by its name."""
        found = self._connection.execute(
            "SELECT filename, list(DISTINCT channel ORDER BY channel) FILTER (WHERE channel IS NOT NULL) "
            f"FROM {relation(self._kind, files, rows=True)} GROUP BY 1"
        ).fetchall()
        return {file_name(path): tuple(listed or ()) for path, listed in found}


def _due_days(loose: Sequence[str], now_us: int, *, everything: bool) -> list[str]:
    """Return the days to seal: old ones, and those of many files."""
    by_day: dict[str, int] = {}
    for path in loose:
        by_day[_day_of(path)] = by_day.get(_day_of(path), 0) + 1
    last = (now_us // _DAY_US) - _DAYS_OPEN
    return sorted(day for day, n in by_day.items() if everything or n > _FEW_FILES or _epoch_day(day) <= last)


def _day_of(path: str) -> str:
    """Return the day of a file, such as ``2024-03-01``."""
    return Path(path).parent.name.removeprefix("day=")


def _epoch_day(day: str) -> int:
    """Count the days since 1970."""
    from datetime import date  # noqa: PLC0415  used here alone

    return date.fromisoformat(day).toordinal() - date(1970, 1, 1).toordinal()


def _count(connection: Any, kind: str, files: Sequence[str]) -> int:
    """Count the rows of some files."""
    return int(connection.execute(f"SELECT count(*) FROM {relation(kind, files)}").fetchall()[0][0])
