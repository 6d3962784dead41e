"""A snapshot of one project's facts: what was known at an instant, each event once.

The engine reads the files of one version of each table, within its memory limit, and evaluates all
matchers itself: what leaves it are integers, of the customers asked for and nobody else.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import Any, NamedTuple, Self

import numpy as np
from arro3.core import Array, DataType, Table

from abplat.analysis.identity import Alias
from abplat.analysis.journeys.encode import EventColumns, MaskColumns, encode_masks
from abplat.config import Settings
from abplat.domain.identity_graph import COMMANDS
from abplat.domain.journeys import JourneyDefinition, Matcher
from abplat.facts.engines import discovery, profile
from abplat.facts.engines.duckdb import connect, create_view
from abplat.facts.engines.scan import (
    scan_aliases,
    scan_contacts,
    scan_exposures,
    scan_scores,
    scan_touchpoints,
)
from abplat.facts.identity_commands import RESERVED
from abplat.facts.lake import Lake

_KINDS = ("touchpoint", "exposure", "alias", "score")
_VIEWS = ("touchpoints", "exposures", "aliases", "scores")
_CUSTOMERS = "customers"
_COMMAND_OF = {f"{RESERVED}{command}": command for command in COMMANDS}


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


class Snapshot:
    """The facts of a project as of one instant."""

    def __init__(self, lake: Lake, project: str, as_of_us: int, settings: Settings) -> None:
        """Fix the version of every table; what is appended later is not seen."""
        self.as_of_us = as_of_us
        self.versions: dict[str, int] = {}
        self._connection = connect(settings)
        for kind in _KINDS:
            version = _open(self._connection, lake, project, kind)
            if version is not None:
                self.versions[kind] = version

    def __enter__(self) -> Self:
        """Be usable in a with block."""
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        """Let go of the engine."""
        self._connection.close()

    def exposures(self, experiment: str) -> list[Exposure]:
        """Return the exposures of one experiment, in the order of time and event id."""
        found = self._connection.execute(scan_exposures(experiment, self.as_of_us)).fetchall()
        return [Exposure(*row) for row in found]

    def aliases(self) -> list[Alias]:
        """Return the links between ids, in the order in which they are taken."""
        found = self._connection.execute(scan_aliases(self.as_of_us)).fetchall()
        return [
            Alias(a, b, ts_us, received_us, _COMMAND_OF.get(source))
            for a, b, ts_us, received_us, source in found
        ]

    def actors(self) -> list[str]:
        """Return the ids that touchpoints carry, sorted."""
        query = "SELECT DISTINCT actor FROM touchpoints WHERE ts_us <= ? AND received_us <= ? ORDER BY actor"
        return [row[0] for row in self._connection.execute(query, [self.as_of_us] * 2).fetchall()]

    def count_events(self) -> int:
        """Return the number of touchpoints."""
        query = "SELECT count(*) FROM touchpoints WHERE ts_us <= ? AND received_us <= ?"
        row = self._connection.execute(query, [self.as_of_us] * 2).fetchone()
        return int(row[0]) if row else 0

    def data_through_us(self) -> int | None:
        """Return the time of the youngest fact."""
        found = []
        for view in _VIEWS:
            query = f"SELECT max(ts_us) FROM {view} WHERE ts_us <= ? AND received_us <= ?"  # noqa: S608  our names
            row = self._connection.execute(query, [self.as_of_us] * 2).fetchone()
            found += [int(row[0])] if row and row[0] is not None else []
        return max(found, default=None)

    def choose_customers(self, actors: Sequence[str], codes: Iterable[int]) -> None:
        """Say whose events are asked for from now on: the code of each actor."""
        columns: dict[str, Any] = {
            "actor": Array(list(actors), type=DataType.string()),
            "customer": Array(np.fromiter(codes, np.int64, len(actors))),
        }
        self._connection.register("chosen", Table.from_pydict(columns))
        self._connection.execute(f"CREATE OR REPLACE TEMP TABLE {_CUSTOMERS} AS SELECT * FROM chosen")  # noqa: S608
        self._connection.unregister("chosen")

    def events(self, definition: JourneyDefinition, n_customers: int) -> EventColumns:
        """Return the touchpoints of the chosen customers as a definition sees them."""
        found = self._fetch(scan_touchpoints(definition, self.as_of_us, customers=_CUSTOMERS))
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

    def before_exposure(
        self, customer: Any, exposed_us: Any, names: Sequence[str]
    ) -> tuple[list[tuple[int, int]], dict[str, list[tuple[int, str]]]]:
        """Return what was known of the chosen customers when they were first exposed.

        Args:
            customer: Their codes.
            exposed_us: Their first exposures.
            names: Properties to read, as the latest touchpoint before the exposure told them.

        Returns:
            Customer and first touchpoint of those who had one before; per property customer and
            JSON text.
        """
        columns: dict[str, Any] = {
            "customer": Array(customer.astype(np.int64)),
            "exposed_us": Array(exposed_us),
        }
        self._connection.register("entrants", Table.from_pydict(columns))
        profile.open_entrants(self._connection, _CUSTOMERS, self.as_of_us)
        found = profile.read_first_seen(self._connection)
        told = profile.read_attributes(self._connection, names)
        self._connection.execute("DROP VIEW before_exposure")
        self._connection.unregister("entrants")
        return found, told

    def steps(self, since_us: int) -> dict[str, Any]:
        """Return every touchpoint of the chosen customers since an instant, by customer and time."""
        return discovery.read_steps(self._connection, _CUSTOMERS, (since_us, self.as_of_us))

    def kinds(self, since_us: int) -> list[tuple[Any, ...]]:
        """Return the kinds of touchpoints since an instant, with counts and first and last time."""
        return discovery.read_kinds(self._connection, (since_us, self.as_of_us))

    def count_facts(self) -> dict[str, int]:
        """Return how many facts of each kind existed: the same number whenever it is asked."""
        found = {}
        for kind, view in zip(_KINDS, _VIEWS, strict=True):
            query = f"SELECT count(*) FROM {view} WHERE ts_us <= ? AND received_us <= ?"  # noqa: S608  our names
            [(n,)] = self._connection.execute(query, [self.as_of_us] * 2).fetchall()
            found[kind] = int(n)
        return found

    def _fetch(self, query: str) -> dict[str, Any]:
        """Return the columns of a query."""
        return dict(self._connection.execute(query).fetchnumpy())


def _open(connection: Any, lake: Lake, project: str, kind: str) -> int | None:
    """Create the view of a kind; return the version that it reads."""
    version = lake.version(project, kind)
    while True:
        create_view(connection, lake, project, kind)
        after = lake.version(project, kind)
        if after == version:
            return version
        version = after


def _texts(column: Any) -> list[str | None]:
    """Return a column of texts with None where there is none."""
    return list(np.ma.asarray(column).tolist())
