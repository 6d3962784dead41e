"""Where imported facts go: straight into the lake, each chunk exactly once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from abplat.facts.lake import Lake
from abplat.facts.rows import Row, kind_of
from abplat.facts.tables import to_table


class Landing:
    """The tables of one project, as one import writes them."""

    def __init__(self, lake: Lake, project: str, key: str, *, must_look: bool) -> None:
        """Name the import.

        Args:
            lake: Where the facts go.
            project: Whose they are.
            key: The import: the application of its transactions.
            must_look: Whether the lake may hold some of the ids already, from elsewhere.
        """
        self._lake = lake
        self._project = project
        self._app = f"import:{key}"
        self._must_look = must_look

    def append(self, number: int, rows: Sequence[Row], received: Sequence[int]) -> tuple[int, int]:
        """Append a chunk under its number; return how many facts are new and how many were known."""
        kinds: dict[str, dict[str, tuple[Row, int]]] = defaultdict(dict)
        for row, received_us in zip(rows, received, strict=True):
            kinds[kind_of(row)].setdefault(row.event_id, (row, received_us))
        new = sum(self._append_kind(kind, number, found) for kind, found in sorted(kinds.items()))
        return new, len(rows) - new

    def _append_kind(self, kind: str, number: int, found: dict[str, tuple[Row, int]]) -> int:
        """Append the facts of one kind; return how many are new."""
        table = self._lake.find(self._project, kind)
        if table is not None and (table.last_sequence(self._app) or 0) >= number:
            # Written before the interruption: only the note about it was missing.
            return len(found)
        known = self._known(table.files, found) if self._must_look and table is not None else set()
        kept = [pair for event_id, pair in found.items() if event_id not in known]
        if kept:
            made = to_table(kind, [row for row, _ in kept], [received_us for _, received_us in kept])
            self._lake.append(self._project, kind, made, app=self._app, sequence=number)
        return len(kept)

    def _known(self, files: list[str], found: dict[str, tuple[Row, int]]) -> set[str]:
        """Return the ids that the lake holds already."""
        import duckdb  # noqa: PLC0415  only a repeated file needs the engine

        if not files:
            return set()
        # The bounds let the engine pass over files that cannot hold any of the ids.
        query = (
            "SELECT event_id FROM read_parquet(?) WHERE event_id BETWEEN ? AND ? "
            "AND event_id IN (SELECT unnest(?::VARCHAR[]))"
        )
        with duckdb.connect() as connection:
            rows = connection.execute(query, [files, min(found), max(found), list(found)]).fetchall()
        return {row[0] for row in rows}
