"""The facts of a project as of an instant: what had happened and was known, each event id once.

Sealed files hold every id once and name people by numbers, so they are read as they are; files of
which the log says that they hold nothing later than the instant are not even filtered. The rows of
all other files are the *loose* ones: copies of ids among them, or between them and sealed rows, are
looked for, and their people are looked up in the book of ids. People that no book knows get numbers
of their own, for this reading alone.
"""

# ruff: noqa: S608 -- queries are made of our own names, of numbers and of quoted texts
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from arro3.core import Array, Table

from abplat.facts.actors import ID_TYPE, NEVER_US, SUSPECT, ActorBook
from abplat.facts.engines.duckdb import nothing, relation, typed_columns
from abplat.facts.lake import FileStatistics, Lake, LakeTable
from abplat.facts.sealing import ID_HASH, ORDER, first_received
from abplat.facts.seals import SealedFile, Seals, file_name, read_seals, split
from abplat.facts.tables import CODED, FOLDERS, SCHEMAS

_DAY_US = 86_400_000_000


@dataclass(frozen=True, slots=True)
class Source:
    """One kind of fact as of an instant.

    Attributes:
        kind: Which.
        version: Version of the table; None where there is none.
        whole: Sealed files that hold nothing later than the instant.
        cut: Sealed files of which a part is later.
        loose: Files that are not sealed.
        statistics: What the log says of the files.
        has_captured: Whether a sealed file says what customers were asked for.
        channels: The channels of the whole files; None where not all of them are listed.
        mixed_up: Sealed files whose rows may not lie in their order.
    """

    kind: str
    version: int | None
    whole: tuple[str, ...] = ()
    cut: tuple[str, ...] = ()
    loose: tuple[str, ...] = ()
    statistics: dict[str, FileStatistics] | None = None
    has_captured: bool = False
    channels: frozenset[str] | None = None
    mixed_up: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        """Name of the view that reads it."""
        return FOLDERS[self.kind]

    @property
    def sealed(self) -> tuple[str, ...]:
        """All sealed files, oldest day first."""
        return tuple(sorted((*self.whole, *self.cut), key=file_name))


class Sources:
    """Touchpoints, exposures and aliases of one project, opened on one connection."""

    def __init__(
        self, connection: Any, lake: Lake, project: str, as_of_us: int, *, only_sealed: bool = False
    ) -> None:
        """Fix the versions and create the views ``touchpoints``, ``exposures`` and ``aliases``.

        Args:
            connection: An engine, for this alone.
            lake: The facts.
            project: Key of the project.
            as_of_us: What is later does not exist.
            only_sealed: Leave out touchpoints that are not sealed, and files of which a part is later.
        """
        self.connection = connection
        connection.execute("SET preserve_insertion_order = true")  # sealed files lie in a good order
        self.as_of_us = as_of_us
        self.folder = folder = lake.path(project, "touchpoint").parent
        seals = read_seals(folder)
        # The book is opened after the note: it never loses a number that the note speaks of.
        self.book = ActorBook(folder)
        if seals.book != self.book.name:
            seals = Seals(next_code=self.book.next_code(connection))
        self.next_code = seals.next_code
        self.kinds = {kind: self._find(lake, project, kind, seals) for kind in CODED}
        if only_sealed:
            self.kinds["touchpoint"] = replace(self.kinds["touchpoint"], cut=(), loose=())
        self._number_ids()
        self._repeated = {kind: self._create_view(self.kinds[kind]) for kind in CODED}

    def versions(self) -> dict[str, int]:
        """Return the version of every table that there is."""
        return {kind: found.version for kind, found in self.kinds.items() if found.version is not None}

    def read(self, kind: str, files: Sequence[str] | None) -> str:
        """Return the query for the rows of some sealed files in their order, or with None for the loose rows."""
        source = self.kinds[kind]
        if files is None:
            return self._loose(source, unique=True)
        rows = self._sealed(source, files, unique=True)
        mixed_up = source.mixed_up.intersection(files)
        return f"SELECT * FROM ({rows} ORDER BY day, {ORDER[kind]})" if mixed_up else rows

    def list_files(self) -> list[str]:
        """Return all files that are read."""
        return [path for source in self.kinds.values() for path in (*source.sealed, *source.loose)]

    def list_since(self, files: Sequence[str], since_us: int | None) -> list[str]:
        """Return the files of touchpoints that may hold something since an instant: whole days, all of their files."""
        if since_us is None:
            return list(files)
        last = {path: _stats(self.kinds["touchpoint"], path).ts_us[1] for path in files}
        return [path for path, ts in last.items() if ts is None or ts >= since_us - since_us % _DAY_US]

    def count_repeated(self, kind: str) -> int:
        """Return how many ids of a kind are there more than once."""
        return self._repeated[kind]

    def read_copies(self, kind: str) -> str:
        """Return the query for all copies of repeated ids: actor_code, ts_us, channel."""
        copies = f"{self.kinds[kind].name}_copies"
        return f"SELECT i.code AS actor_code, ts_us, channel FROM {copies} JOIN loose_ids i USING (actor)"

    def _find(self, lake: Lake, project: str, kind: str, seals: Seals) -> Source:
        """Open a table and sort its files."""
        table = lake.find(project, kind)
        if table is None:
            return Source(kind, None)
        noted = seals.of(kind)
        statistics = table.statistics
        sealed, loose = split(_known(table, statistics, self.as_of_us), noted)
        whole = tuple(path for path in sealed if _is_past(statistics.get(path), self.as_of_us))
        return Source(
            kind,
            table.version,
            whole=whole,
            cut=tuple(path for path in sealed if path not in set(whole)),
            loose=tuple(loose),
            statistics=statistics,
            has_captured=any(_note(noted, path).has_captured for path in sealed),
            channels=_list_channels([_note(noted, path) for path in whole]),
            mixed_up=frozenset(path for path in sealed if not _note(noted, path).in_order),
        )

    def _number_ids(self) -> None:
        """Give a number to every id of the loose rows, into the table ``loose_ids``."""
        parts = [
            f"SELECT {column} AS actor FROM ({self._raw(self.kinds[kind])})"
            for kind, columns in CODED.items()
            for column in columns
            if self.kinds[kind].loose
        ]
        ids = " UNION ALL ".join(parts) or "SELECT NULL::VARCHAR AS actor WHERE false"
        self.connection.execute(
            "CREATE OR REPLACE TEMP TABLE loose_ids AS "
            f"WITH met AS (SELECT DISTINCT actor FROM ({ids})), named AS (SELECT met.actor, book.code FROM met "
            f"LEFT JOIN ({self.book.query()}) book USING (actor)) "
            "SELECT actor, code, false AS is_new FROM named WHERE code IS NOT NULL UNION ALL "
            f"SELECT actor, {self.next_code - 1} + row_number() OVER (ORDER BY actor) AS code, true "
            "FROM named WHERE code IS NULL"
        )

    def _raw(self, source: Source) -> str:
        """Return the query for loose rows as they lie in their files, without those of later."""
        if not source.loose:
            return nothing(source.kind)
        columns = ", ".join(SCHEMAS[source.kind].names)
        return (
            f"SELECT {columns} FROM {relation(source.kind, source.loose)} "
            f"WHERE ts_us <= {self.as_of_us} AND received_us <= {self.as_of_us}"
        )

    def _loose(self, source: Source, *, unique: bool) -> str:
        """Return the query for loose rows with numbers for ids."""
        codes = "".join(f", c{i}.code AS {name}_code" for i, name in enumerate(CODED[source.kind]))
        joins = " ".join(
            f"JOIN loose_ids c{i} ON c{i}.actor = e.{name}" for i, name in enumerate(CODED[source.kind])
        )
        kept = f"SELECT * FROM ({self._raw(source)})"
        repeated = f"{source.name}_repeated"
        if unique and self._repeated[source.kind]:
            kept = (
                f"SELECT * FROM ({self._raw(source)}) WHERE event_id NOT IN (FROM {repeated}) UNION ALL "
                f"SELECT * EXCLUDE (place) FROM {source.name}_copies WHERE place = 1"
            )
        return f"SELECT e.*{codes} FROM ({kept}) e {joins}"

    def _sealed(self, source: Source, files: Sequence[str], *, unique: bool) -> str:
        """Return the query for rows of sealed files."""
        if not files:
            return self._nothing(source)
        cut = set(source.cut)
        columns = ", ".join([*SCHEMAS[source.kind].names, *(f"{name}_code" for name in CODED[source.kind])])
        conditions = []
        if cut.intersection(files):
            conditions.append(f"ts_us <= {self.as_of_us} AND received_us <= {self.as_of_us}")
        if unique and self._repeated[source.kind]:
            conditions.append(f"event_id NOT IN (FROM {source.name}_repeated)")
        where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        return f"SELECT {columns} FROM {relation(source.kind, files)}{where}"

    def _nothing(self, source: Source) -> str:
        """Return the query for no rows."""
        codes = "".join(f", NULL::BIGINT AS {name}_code" for name in CODED[source.kind])
        return f"SELECT {typed_columns(source.kind)}{codes} WHERE false"

    def _create_view(self, source: Source) -> int:
        """Create the view of a kind; return how many ids are repeated among its rows."""
        # Until the copies are known, nothing is left out for them.
        self._repeated = {**getattr(self, "_repeated", {}), source.kind: 0}
        self._repeated[source.kind] = self._find_repeated(source) if source.loose else 0
        parts = [self._sealed(source, files, unique=True) for files in (source.whole, source.cut) if files]
        parts += [self._loose(source, unique=True)] if source.loose else []
        query = " UNION ALL ".join(parts) or self._nothing(source)
        self.connection.execute(f"CREATE OR REPLACE TEMP VIEW {source.name} AS {query}")
        return self._repeated[source.kind]

    def _find_repeated(self, source: Source) -> int:
        """Put the ids that are there more than once, and their copies, into tables."""
        repeated, copies = f"{source.name}_repeated", f"{source.name}_copies"
        visible = f"ts_us <= {self.as_of_us} AND received_us <= {self.as_of_us}"
        hashes = f"SELECT {ID_HASH} AS id_hash FROM ({self._raw(source)})"
        held = (
            f" UNION SELECT id_hash FROM {relation(source.kind, source.sealed)} WHERE id_hash IN (FROM hashes)"
            if source.sealed
            else ""
        )
        self.connection.execute(
            f"CREATE OR REPLACE TEMP TABLE {repeated} AS WITH hashes AS MATERIALIZED ({hashes}) "
            f"SELECT id_hash FROM (SELECT id_hash FROM hashes GROUP BY 1 HAVING count(*) > 1{held})"
        )
        if not self._count(repeated):
            return 0
        columns = ", ".join(SCHEMAS[source.kind].names)
        rows = f"SELECT {columns} FROM ({self._raw(source)}) WHERE {ID_HASH} IN (FROM {repeated})"
        if source.sealed:
            rows += f" UNION ALL SELECT {columns} FROM {relation(source.kind, source.sealed)} WHERE id_hash IN (FROM {repeated}) AND {visible}"
        self.connection.execute(
            f"CREATE OR REPLACE TEMP TABLE {copies} AS SELECT *, row_number() OVER "
            f"(PARTITION BY event_id ORDER BY {first_received(source.kind)}) AS place FROM ({rows}) "
            "QUALIFY count(*) OVER (PARTITION BY event_id) > 1"
        )
        self.connection.execute(
            f"CREATE OR REPLACE TEMP TABLE {repeated} AS SELECT DISTINCT event_id FROM {copies}"
        )
        actors = " UNION ALL ".join(f"SELECT {name} AS actor FROM {copies}" for name in CODED[source.kind])
        self.connection.execute(
            "INSERT INTO loose_ids SELECT a.actor, b.code, false "
            f"FROM (SELECT DISTINCT actor FROM ({actors})) a JOIN ({self.book.query()}) b USING (actor) ANTI JOIN loose_ids i ON i.actor = a.actor"
        )
        return self._count(repeated)

    def _count(self, name: str) -> int:
        """Count the rows of a table."""
        return int(self.connection.execute(f"SELECT count(*) FROM {name}").fetchall()[0][0])

    def _count_kind(self, source: Source) -> int:
        """Count the facts of a kind; the log knows it where nothing is loose or later."""
        rows = [_stats(source, path).rows for path in source.whole]
        if self._repeated[source.kind] or any(each is None for each in rows):
            return self._count(source.name)
        return sum(self._count(f"({query})") for query in self._rest(source)) + sum(
            each or 0 for each in rows
        )

    def count_facts(self) -> dict[str, int]:
        """Return how many facts of each kind existed: the same number whenever it is asked."""
        return {kind: self._count_kind(source) for kind, source in self.kinds.items()}

    def data_through_us(self) -> int | None:
        """Return the time of the youngest fact of all kinds."""
        return max((ts for source in self.kinds.values() for ts in self._latest(source)), default=None)

    def _latest(self, source: Source) -> list[int]:
        """Return the time of the youngest fact in each part of a kind; the log knows that of whole files."""
        latest = [_stats(source, path).ts_us[1] for path in source.whole]
        if self._repeated[source.kind] or None in latest:
            latest, parts = [], [f"FROM {source.name}"]
        else:
            parts = self._rest(source)
        for query in parts:
            latest += [
                row[0] for row in self.connection.execute(f"SELECT max(ts_us) FROM ({query})").fetchall()
            ]
        return [int(each) for each in latest if each is not None]

    def channels(self) -> tuple[str, ...]:
        """Return the channels of all touchpoints, sorted; the note knows those of whole files."""
        source = self.kinds["touchpoint"]
        if source.channels is None or self._repeated[source.kind]:
            return tuple(sorted(self._read_channels(f"FROM {source.name}")))
        found = set(source.channels)
        for query in self._rest(source):
            found |= self._read_channels(query)
        return tuple(sorted(found))

    def _read_channels(self, query: str) -> set[str]:
        """Return the channels of some rows."""
        rows = self.connection.execute(f"SELECT DISTINCT channel FROM ({query}) WHERE channel IS NOT NULL")
        return {str(channel) for (channel,) in rows.fetchall()}

    def _rest(self, source: Source) -> list[str]:
        """Return the queries for the rows outside of whole files."""
        rest = [self._sealed(source, source.cut, unique=False)] if source.cut else []
        return rest + ([self._raw(source)] if source.loose else [])

    def ids(self, extra: str = "") -> dict[str, Any]:
        """Return all ids in the order of their names, as columns: code, is_new and what ``extra`` asks for.

        Args:
            extra: Further SQL expressions over ``actor`` and ``id_type``, each with a comma before it.
        """
        book = self.book.query()
        query = (
            f"SELECT code, known_us, is_suspect{extra}, place, actor FROM ({book}) UNION ALL "
            f"SELECT code, {NEVER_US}, {SUSPECT}{extra}, NULL, actor FROM (SELECT *, {ID_TYPE} AS id_type FROM loose_ids) "
            "WHERE is_new"
        )
        [(n_new,)] = self.connection.execute("SELECT count(*) FROM loose_ids WHERE is_new").fetchall()
        by_name = n_new or not self.book.has_places
        ordered = f"SELECT * EXCLUDE (actor) FROM ({query}){' ORDER BY actor' if by_name else ''}"
        found = dict(self.connection.execute(ordered).fetchnumpy())
        place = found.pop("place")
        if by_name or bool(np.all(place[1:] > place[:-1])):
            return found
        order = np.argsort(place)
        return {name: column[order] for name, column in found.items()}

    def lies_in_order(self, kind: str) -> bool:
        """Tell whether the view of a kind gives its rows in the order in which they were sealed."""
        source = self.kinds[kind]
        return not (source.loose or source.cut or source.mixed_up or self._repeated[kind])

    def names(self) -> str:
        """Return the query for all ids: actor, code."""
        return (
            f"SELECT actor, code FROM ({self.book.query()}) UNION ALL "
            "SELECT actor, code FROM loose_ids WHERE is_new"
        )

    def names_of(self, codes: Sequence[int]) -> dict[int, str]:
        """Return the ids that some numbers stand for."""
        if not codes:
            return {}
        self.connection.register("wanted", Table.from_pydict({"code": Array(np.array(codes, np.int64))}))
        query = f"SELECT code, actor FROM ({self.names()}) SEMI JOIN wanted USING (code)"
        found = self.connection.execute(query).fetchall()
        self.connection.unregister("wanted")
        return {int(code): str(actor) for code, actor in found}


def _known(table: LakeTable, statistics: dict[str, FileStatistics], as_of_us: int) -> list[str]:
    """Return the files that may hold something that had happened and was known."""
    kept = []
    for path in table.files:
        found = statistics.get(path)
        first = () if found is None else (found.ts_us[0], found.received_us[0])
        if not any(each is not None and each > as_of_us for each in first):
            kept.append(path)
    return kept


def _list_channels(noted: Sequence[SealedFile]) -> frozenset[str] | None:
    """Return the channels of some sealed files; None where not all of them are listed."""
    listed = [each.channels for each in noted]
    return frozenset(name for names in listed for name in names or ()) if None not in listed else None


def _is_past(found: FileStatistics | None, as_of_us: int) -> bool:
    """Tell whether a file holds nothing later than an instant."""
    if found is None or found.ts_us[1] is None or found.received_us[1] is None:
        return False
    return found.ts_us[1] <= as_of_us and found.received_us[1] <= as_of_us


def _stats(source: Source, path: str) -> FileStatistics:
    """Return what the log says of a file."""
    return (source.statistics or {}).get(path) or FileStatistics("", None, (None, None), (None, None))


def _note(noted: Any, path: str) -> SealedFile:
    """Return what is noted of a sealed file."""
    found: SealedFile = noted[file_name(path)]
    return found
