"""A snapshot of one project's facts: what was known at an instant, each event once.

The engine is DuckDB over the files of a fixed version of each table; it may use so much memory and
spills beyond it. Texts are coded inside the engine, so that what leaves it is integers.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import duckdb
import numpy as np

from abplat.analysis.identity import Alias
from abplat.facts.lake import Lake

_KINDS = ("touchpoint", "exposure", "alias")


@dataclass(frozen=True, slots=True)
class TouchpointColumns:
    """Touchpoints as codes: ``actor``, ``name``, ``channel`` (-1 unknown), ``ts_us``, ``value``, ``tie``."""

    columns: Mapping[str, Any]
    actors: Sequence[str]
    names: Sequence[str]
    channels: Sequence[str]
    props: Sequence[str | None] | None


@dataclass(frozen=True, slots=True)
class ExposureFacts:
    """Exposures of one experiment; ``variant`` and ``reason`` are texts."""

    columns: Mapping[str, Any]
    actors: Sequence[str]


class Snapshot:
    """The facts of a project as of one instant."""

    def __init__(self, lake: Lake, project: str, as_of_us: int, *, memory_limit: str = "2GB") -> None:
        """Fix the version of every table; what is appended later is not seen."""
        self.as_of_us = as_of_us
        self.versions: dict[str, int] = {}
        self._files: dict[str, list[str]] = {}
        for kind in _KINDS:
            table = lake.find(project, kind)
            if table is not None and table.files:
                self.versions[kind], self._files[kind] = table.version, table.files
        self._spill = tempfile.TemporaryDirectory(prefix="abplat-")
        config: dict[str, Any] = {"memory_limit": memory_limit, "temp_directory": self._spill.name}
        self._connection = duckdb.connect(config=config)

    def __enter__(self) -> Self:
        """Be usable in a with block."""
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        """Let go of the engine and its files."""
        self._connection.close()
        self._spill.cleanup()

    def _known(self, kind: str, columns: str) -> str:
        """Return the query of a kind's facts: those that exist, each id once, received first."""
        return f"""
            SELECT {columns} FROM read_parquet($files)
            WHERE ts_us <= $as_of AND received_us <= $as_of
            QUALIFY row_number() OVER (PARTITION BY event_id ORDER BY received_us, batch) = 1
        """.replace("$files", f"{self._files[kind]!r}").replace("$as_of", str(self.as_of_us))  # noqa: S608  our own paths

    def touchpoints(self, with_props: bool) -> TouchpointColumns:  # noqa: FBT001
        """Return the touchpoints."""
        if "touchpoint" not in self._files:
            empty = {name: np.empty(0, np.int64) for name in ("actor", "name", "channel", "ts_us", "tie")}
            return TouchpointColumns({**empty, "value": np.empty(0)}, (), (), (), None)
        wanted = "event_id, actor, name, channel, value, ts_us" + (", props" if with_props else "")
        self._run(f"CREATE OR REPLACE TEMP TABLE touchpoints AS {self._known('touchpoint', wanted)}")
        words = {name: self._vocabulary("touchpoints", name) for name in ("actor", "name", "channel")}
        props = ", props" if with_props else ""
        # The order of event ids decides between events of one instant; rows leave in that order.
        found = self._run(f"""
            SELECT a.code AS actor, n.code AS name, coalesce(c.code, -1) AS channel,
                   coalesce(t.value, 'nan'::DOUBLE) AS value, t.ts_us AS ts_us{props}
            FROM touchpoints t
            JOIN words_actor a ON t.actor = a.word
            JOIN words_name n ON t.name = n.word
            LEFT JOIN words_channel c ON t.channel = c.word
            ORDER BY t.event_id
        """).fetchnumpy()  # noqa: S608
        self._run("DROP TABLE touchpoints")
        texts = [None if text is None else str(text) for text in _objects(found.pop("props"))] if with_props else None
        columns = {name: np.ma.getdata(values) for name, values in found.items()}
        columns["tie"] = np.arange(len(columns["ts_us"]))
        return TouchpointColumns(columns, words["actor"], words["name"], words["channel"], texts)

    def exposures(self, experiment: str) -> ExposureFacts:
        """Return the exposures of one experiment."""
        empty: dict[str, Any] = {"actor": np.empty(0, np.int32), "ts_us": np.empty(0, np.int64), "tie": np.empty(0, np.int64)}
        none = {**empty, "channel": np.empty(0, np.int32), "channels": (), "variant": (), "reason": ()}
        if "exposure" not in self._files:
            return ExposureFacts(none, ())
        wanted = "event_id, actor, experiment, variant, channel, reason, ts_us"
        query = f"SELECT * EXCLUDE (experiment) FROM ({self._known('exposure', wanted)}) WHERE experiment = $key"
        self._connection.execute(f"CREATE OR REPLACE TEMP TABLE exposures AS {query}", {"key": experiment})
        words = {name: self._vocabulary("exposures", name) for name in ("actor", "channel")}
        found = self._run("""
            SELECT a.code AS actor, coalesce(c.code, -1) AS channel, e.variant AS variant,
                   coalesce(e.reason, '') AS reason, e.ts_us AS ts_us
            FROM exposures e JOIN words_actor a ON e.actor = a.word LEFT JOIN words_channel c ON e.channel = c.word
            ORDER BY e.event_id
        """).fetchnumpy()
        self._run("DROP TABLE exposures")
        columns = {name: np.ma.getdata(values) for name, values in found.items()}
        columns["tie"] = np.arange(len(columns["ts_us"]))
        return ExposureFacts({**columns, "channels": tuple(words["channel"])}, words["actor"])

    def aliases(self) -> list[Alias]:
        """Return the links between ids, in the order of their event ids."""
        if "alias" not in self._files:
            return []
        query = f"SELECT a, b, ts_us, received_us FROM ({self._known('alias', '*')}) ORDER BY event_id"
        return [Alias(*row) for row in self._run(query).fetchall()]

    def data_through_us(self) -> int | None:
        """Return the time of the youngest fact."""
        found: list[int] = []
        for kind, files in self._files.items():
            query = "SELECT max(ts_us) FROM read_parquet(?) WHERE ts_us <= ? AND received_us <= ?"
            row = self._connection.execute(query, [files, self.as_of_us, self.as_of_us]).fetchone()
            found += [row[0]] if row and row[0] is not None and kind in _KINDS else []
        return max(found, default=None)

    def _vocabulary(self, table: str, column: str) -> list[str]:
        """Code a text column by its sorted distinct words; return the words."""
        self._run(f"""
            CREATE OR REPLACE TEMP TABLE words_{column} AS
            SELECT word, (row_number() OVER (ORDER BY word) - 1)::INTEGER AS code
            FROM (SELECT DISTINCT {column} AS word FROM {table} WHERE {column} IS NOT NULL)
        """)  # noqa: S608
        return [row[0] for row in self._run(f"SELECT word FROM words_{column} ORDER BY code").fetchall()]  # noqa: S608

    def _run(self, query: str) -> duckdb.DuckDBPyConnection:
        """Run a query of our own making."""
        return self._connection.execute(query)


def _objects(values: Any) -> list[Any]:
    """Return a masked column as a list with None."""
    return np.ma.asarray(values).tolist()
