"""Reading derived tables: the files that the note names, and no others."""

# ruff: noqa: S608 -- queries are made of our own names and of quoted texts
from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from abplat.analysis.derived.names import PATHS
from abplat.analysis.derived.tables import Paths, empty_column
from abplat.facts.derived import DerivedNote, DerivedStore
from abplat.facts.engines.duckdb import literal


class TableReader:
    """The derived tables of one note."""

    def __init__(self, connection: Any, store: DerivedStore, note: DerivedNote) -> None:
        """Remember where to read.

        Args:
            connection: An engine that keeps the order of rows.
            store: The tables.
            note: What they hold.
        """
        self._connection = connection
        self.store = store
        self.note = note

    def has(self, name: str) -> bool:
        """Tell whether there is a table."""
        return name in self.note.tables

    def read(self, name: str, columns: Sequence[str]) -> dict[str, NDArray[Any]]:
        """Return columns of a table, in the order in which its rows lie."""
        paths = self.store.files(name, self.note.tables[name])
        if not paths:
            return {name: empty_column(name) for name in columns}
        listed = ", ".join(map(literal, paths))
        query = f"SELECT {', '.join(columns)} FROM read_parquet([{listed}], hive_partitioning = false)"
        return fetch(self._connection, query)

    @cached_property
    def paths(self) -> Paths:
        """The paths through channels."""
        return Paths(self.read(PATHS, ["channels"])["channels"].tolist())

    def places_of(self, channels: Sequence[str]) -> NDArray[np.int32]:
        """Return per number of a channel in the tables its place among others; the last is that of none."""
        place_of = {name: place for place, name in enumerate(channels)}
        return np.array([*(place_of.get(name, -1) for name in self.note.channels), -1], np.int32)


def fetch(connection: Any, query: str) -> dict[str, NDArray[Any]]:
    """Return the columns of a query whose columns hold no nulls."""
    found = connection.execute(query).fetchnumpy()
    return {name: np.ascontiguousarray(np.ma.getdata(column)) for name, column in found.items()}
