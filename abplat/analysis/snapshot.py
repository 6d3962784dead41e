"""A snapshot of one project's facts: what was known at an instant, each event once.

The engine reads the files of one version of each table, within its memory limit, and evaluates all
matchers itself: what leaves it are integers, of the customers asked for and nobody else.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cached_property
from types import TracebackType
from typing import Any, NamedTuple, Self

import numpy as np
from arro3.core import Array, DataType, Table
from numpy.typing import NDArray

from abplat.analysis.exposed import ExposureFacts
from abplat.analysis.exposure_facts import ExposureReader
from abplat.analysis.identity import Alias
from abplat.analysis.journeys.encode import EventColumns, MaskColumns, encode_masks
from abplat.analysis.stream import EventStream, Wanted
from abplat.analysis.who import COMMAND_OF, Who, find_who
from abplat.config import Settings, memory_bytes
from abplat.domain.journeys import JourneyDefinition, Matcher
from abplat.facts.engines import discovery
from abplat.facts.engines.duckdb import connect, create_view
from abplat.facts.engines.profile import BeforeExposure
from abplat.facts.engines.scan import (
    WORD,
    scan_aliases,
    scan_contacts,
    scan_exposures,
    scan_scores,
    scan_stream,
    scan_touchpoints,
)
from abplat.facts.engines.sources import Sources
from abplat.facts.lake import Lake

_CUSTOMERS = "customers"
_ROWS_AT_ONCE = 1_000_000


class Exposure(NamedTuple):
    """One exposure as it was recorded."""

    event_id: str
    actor: str
    variant: str
    channel: str | None
    ts_us: int
    reason: str | None
    phase: int | None = None
    sdk: str | None = None
    cluster: str | None = None


class Snapshot:
    """The facts of a project as of one instant."""

    def __init__(
        self, lake: Lake, project: str, as_of_us: int, settings: Settings, *, only_sealed: bool = False
    ) -> None:
        """Fix the version of every table; with ``only_sealed`` see no touchpoints but those of sealed files."""
        self.as_of_us = as_of_us
        self.engine = settings.engine
        memory = memory_bytes(settings.memory_limit)
        # The engine may have half of the memory, events a quarter; the rest is for what is made of them.
        self._room = memory // 4
        self._spill = settings.data_dir.resolve() / "tmp"
        self._connection = connect(replace(settings, memory_limit=f"{memory // 2}B"))
        self.sources = Sources(self._connection, lake, project, as_of_us, only_sealed=only_sealed)
        self.versions = self.sources.versions()
        # Scores are few; they are not sealed.
        scores = lake.version(project, "score")
        create_view(self._connection, lake, project, "score")
        if scores is not None:
            self.versions["score"] = scores

    def __enter__(self) -> Self:
        """Be usable in a with block."""
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        """Let go of the engine."""
        self._connection.close()

    @cached_property
    def who(self) -> Who:
        """Who is who."""
        return find_who(self.sources)

    @cached_property
    def exposure_reader(self) -> ExposureReader:
        """What reads exposures as columns."""
        return ExposureReader(self.sources)

    def exposures(self, experiment: str) -> list[Exposure]:
        """Return the exposures of one experiment, in the order of time and event id."""
        found = self._connection.execute(scan_exposures(experiment, self.as_of_us, unique=True)).fetchall()
        return [Exposure(*row) for row in found]

    def exposure_facts(self, experiment: str, drawn: str | None = None) -> ExposureFacts:
        """Return the exposures of one experiment as columns, in the order of time and event id.

        Args:
            experiment: Its key.
            drawn: Type of the ids of the groups that were drawn, such as ``store``; None where customers
                were. The group is the one that the exposure names, or the id that met it where that is one.
        """
        return self.exposure_reader.facts(experiment, drawn)

    def codes_of(self, actors: Sequence[str]) -> NDArray[np.int64]:
        """Return the codes of some ids, -1 for those that no fact names."""
        if not actors:
            return np.empty(0, np.int64)
        columns: dict[str, Any] = {
            "actor": Array(list(actors), type=DataType.string()),
            "place": Array(np.arange(len(actors), dtype=np.int64)),
        }
        self._connection.register("asked", Table.from_pydict(columns))
        found = self._fetch(
            "SELECT coalesce(i.code, b.code, -1) AS code FROM asked LEFT JOIN loose_ids i USING (actor) "  # noqa: S608
            f"LEFT JOIN ({self.sources.book.query()}) b USING (actor) ORDER BY asked.place"
        )
        self._connection.unregister("asked")
        return np.asarray(found["code"], np.int64)

    def aliases(self) -> list[Alias]:
        """Return the links between ids, in the order in which they are taken."""
        found = self._connection.execute(scan_aliases(self.as_of_us, unique=True)).fetchall()
        return [
            Alias(a, b, ts_us, received_us, COMMAND_OF.get(source))
            for a, b, ts_us, received_us, source in found
        ]

    def actors(self) -> list[str]:
        """Return the ids that touchpoints carry, sorted."""
        query = "SELECT DISTINCT actor FROM touchpoints ORDER BY actor"
        return [row[0] for row in self._connection.execute(query).fetchall()]

    @cached_property
    def fact_counts(self) -> dict[str, int]:
        """How many facts of each kind existed: the same number whenever it is asked."""
        [(scores, _)] = self._scores_seen()
        return self.sources.count_facts() | {"score": int(scores)}

    def data_through_us(self) -> int | None:
        """Return the time of the youngest fact."""
        [(_, latest)] = self._scores_seen()
        found = [self.sources.data_through_us(), latest]
        return max((int(each) for each in found if each is not None), default=None)

    def _scores_seen(self) -> list[tuple[int, int | None]]:
        """Return how many scores there were, and the time of the youngest."""
        query = "SELECT count(*), max(ts_us) FROM scores WHERE ts_us <= ? AND received_us <= ?"
        return list(self._connection.execute(query, [self.as_of_us] * 2).fetchall())

    def choose_customers(self, actors: Sequence[str], codes: Iterable[int]) -> None:
        """Say whose events are asked for from now on: the code of each actor."""
        columns: dict[str, Any] = {
            "actor": Array(list(actors), type=DataType.string()),
            "customer": Array(np.fromiter(codes, np.int64, len(actors))),
        }
        self._connection.register("chosen", Table.from_pydict(columns))
        self._connection.execute(f"CREATE OR REPLACE TEMP TABLE {_CUSTOMERS} AS SELECT * FROM chosen")  # noqa: S608
        self._connection.unregister("chosen")

    def choose_codes(self, chosen: NDArray[np.int32], *, by_name: bool = False) -> None:
        """Say whose events are asked for from now on: per actor code its customer, or -1.

        Args:
            chosen: As :meth:`abplat.analysis.who.Who.actors_of` gives it.
            by_name: Whether their ids are needed as texts, too.
        """
        codes = np.flatnonzero(chosen >= 0)
        columns: dict[str, Any] = {
            "code": Array(codes.astype(np.int64)),
            "customer": Array(chosen[codes].astype(np.int64)),
        }
        named, source = (
            ("n.actor, ", f" JOIN ({self.sources.names()}) n USING (code)") if by_name else ("", "")
        )
        self._connection.register("chosen", Table.from_pydict(columns))
        self._connection.execute(
            f"CREATE OR REPLACE TEMP TABLE {_CUSTOMERS} AS SELECT {named}c.customer, c.code AS actor_code "  # noqa: S608
            f"FROM chosen c{source}"
        )
        self._connection.unregister("chosen")

    def name_customers(self, chosen: NDArray[np.int32]) -> Table:
        """Return the ids of chosen customers, as columns ``actor`` and ``customer``.

        Args:
            chosen: As :meth:`abplat.analysis.who.Who.actors_of` gives it.
        """
        self.choose_codes(chosen, by_name=True)
        query = f"SELECT actor, customer::INTEGER AS customer FROM {_CUSTOMERS}"  # noqa: S608  # our own names
        return Table.from_arrow(self._connection.sql(query))

    def before_exposure(self, customer: Any, exposed_us: Any) -> BeforeExposure:
        """Return what was known of the chosen customers when they were first exposed; close it after use.

        Args:
            customer: Their codes.
            exposed_us: Their first exposures.
        """
        columns: dict[str, Any] = {
            "customer": Array(customer.astype(np.int64)),
            "exposed_us": Array(exposed_us),
        }
        self._connection.register("entrants", Table.from_pydict(columns))
        return BeforeExposure(self._connection, _CUSTOMERS, self.as_of_us)

    def has_captured(self) -> bool:
        """Tell whether some touchpoint says what it asked the customer for."""
        source = self.sources.kinds["touchpoint"]
        if source.has_captured or not source.loose:
            return source.has_captured
        query = f"SELECT 1 FROM ({self.sources.read('touchpoint', None)}) WHERE contains(props, '\"captured\"') LIMIT 1"  # noqa: S608
        return bool(self._connection.execute(query).fetchall())

    def channels(self) -> tuple[str, ...]:
        """Return the channels of all touchpoints, sorted."""
        return self.sources.channels()

    def stream(
        self,
        parts: Sequence[Iterable[Matcher] | None],
        chosen: NDArray[np.int32],
        *,
        channels: Sequence[str],
        with_value: bool,
        drop_empty: bool,
        since_us: int | None = None,
    ) -> EventStream:
        """Return the touchpoints of chosen customers; close it after use.

        Args:
            parts: What is asked of each event; None asks nothing. Bit i of the masks answers part i.
            chosen: Per actor code the customer, -1 for codes that are not asked for.
            channels: Names whose positions stand for channels.
            with_value: Whether the values of events are needed.
            drop_empty: Whether events that match no part are left out.
            since_us: Files that hold nothing since then may be left out.
        """
        n_customers = int(chosen.max(initial=-1)) + 1
        wanted = Wanted(-(-len(parts) // WORD), with_value, drop_empty)
        stream = EventStream(chosen, n_customers, wanted=wanted, room=self._room, spill=self._spill)
        query = scan_stream(parts, channels=channels, with_value=with_value)
        source = self.sources.kinds["touchpoint"]
        files = [self.sources.list_since(each, since_us) for each in (source.whole, source.cut)]
        sealed = self._group(files[0]) + self._group(files[1])
        queries = [_within(self.sources.read("touchpoint", files), query) for files in sealed]
        if source.loose:
            loose = f"SELECT * FROM ({self.sources.read('touchpoint', None)}) ORDER BY ts_us, event_id"  # noqa: S608
            queries.append(_within(loose, query))

        def scan(number: int) -> list[dict[str, Any]]:
            return _pieces(Table.from_arrow(self._connection.sql(queries[number])))

        def untie(instants: NDArray[np.int64]) -> dict[str, Any]:
            listed = ", ".join(str(ts) for ts in instants.tolist())
            rows = f"SELECT * FROM touchpoints WHERE ts_us IN ({listed}) ORDER BY ts_us, event_id"  # noqa: S608
            return _plain(self._connection.execute(_within(rows, query)).fetchnumpy())

        stream.fill(scan, len(sealed), len(queries) - len(sealed), untie)
        return stream

    def _group(self, files: Sequence[str]) -> list[list[str]]:
        """Put files together that are read at once."""
        statistics = self.sources.kinds["touchpoint"].statistics or {}
        groups: list[list[str]] = []
        room = 0
        for path in files:
            rows = statistics[path].rows or _ROWS_AT_ONCE
            if rows > room:
                groups.append([])
                room = _ROWS_AT_ONCE
            groups[-1].append(path)
            room -= rows
        return groups

    def events(self, definition: JourneyDefinition, n_customers: int) -> EventColumns:
        """Return the touchpoints of the chosen customers as a definition sees them."""
        found = self._fetch(scan_touchpoints(definition, self.as_of_us, customers=_CUSTOMERS, unique=True))
        correlated = definition.correlate_by is not None
        captured = np.ma.asarray(found["captured"])
        masks = MaskColumns(
            customer=found["customer"],
            ts=found["ts_us"],
            stage_mask=found["stage_mask"],
            exclude_mask=found["exclude_mask"],
            in_scope=found["in_scope"],
            channel=_texts(found["channel"]),
            value=_texts(found["correlation"]) if correlated else None,
            captured=None if np.ma.getmaskarray(captured).all() else _texts(captured),
            ordered=True,
        )
        return encode_masks(masks, n_customers)

    def contacts(
        self,
        metrics: Sequence[Iterable[Matcher] | None],
        properties: Sequence[str] = (),
        *,
        with_channel: bool = False,
    ) -> dict[str, Any]:
        """Return what metrics count of the chosen customers: customer, ts_us, value, mask.

        An event without a value has none (NaN). The texts of properties stand in ``property_0``
        and on, None where there is none.
        """
        found = self._fetch(
            scan_contacts(
                metrics,
                self.as_of_us,
                customers=_CUSTOMERS,
                unique=True,
                properties=properties,
                with_channel=with_channel,
            )
        )
        found["value"] = np.ma.filled(np.ma.asarray(found["value"], np.float64), np.nan)
        for place in range(len(properties)):
            found[f"property_{place}"] = _texts(found[f"property_{place}"])
        if with_channel:
            found["channel"] = _texts(found["channel"])
        return found

    def scores(self, names: Sequence[str]) -> dict[str, Any]:
        """Return the scores that the chosen customers gave: customer, ts_us, value, name."""
        found = self._fetch(scan_scores(names, self.as_of_us, customers=_CUSTOMERS))
        found["name"] = np.array(_texts(found["name"]), object)
        return found

    def steps(self, since_us: int) -> dict[str, Any]:
        """Return every touchpoint of the chosen customers since an instant, by customer and time."""
        return discovery.read_steps(self._connection, _CUSTOMERS, (since_us, self.as_of_us))

    def kinds(self, since_us: int) -> list[tuple[Any, ...]]:
        """Return the kinds of touchpoints since an instant, with counts and first and last time."""
        return discovery.read_kinds(self._connection, (since_us, self.as_of_us))

    def _fetch(self, query: str) -> dict[str, Any]:
        """Return the columns of a query."""
        return dict(self._connection.execute(query).fetchnumpy())


def _within(rows: str, query: str) -> str:
    """Return a query that sees some rows in the place of all touchpoints."""
    return f"WITH touchpoints AS ({rows}) {query}"  # our own queries


def _pieces(found: Table) -> list[dict[str, Any]]:
    """Return columns that hold no nulls as plain arrays, batch by batch as they came: nothing is copied."""
    return [
        {name: batch.column(name).to_numpy() for name in found.schema.names} for batch in found.to_batches()
    ]


def _plain(found: dict[str, Any]) -> dict[str, Any]:
    """Return columns that hold no nulls as plain arrays."""
    return {name: np.ascontiguousarray(np.ma.getdata(column)) for name, column in found.items()}


def _texts(column: Any) -> list[str | None]:
    """Return a column of texts with None where there is none."""
    return list(np.ma.asarray(column).tolist())
