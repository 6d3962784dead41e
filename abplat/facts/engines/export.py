"""Facts as a file: what the lake holds of one kind, each event once, for other tools."""

from __future__ import annotations

from pathlib import Path
from typing import Final, NamedTuple

from arro3.core import DataType

from abplat.config import Settings
from abplat.errors import InvalidInputError
from abplat.facts.engines.duckdb import connect, create_view
from abplat.facts.lake import Lake
from abplat.facts.tables import SCHEMAS, normal_kind

FORMATS: Final = {
    ".csv": "FORMAT csv, HEADER",
    ".parquet": "FORMAT parquet, COMPRESSION zstd",
    ".json": "FORMAT json",
}
"""By the end of the file's name; JSON has one object a line."""
_OWN: Final = frozenset({"batch", "day"})
_FORMULA: Final = "^[=+@\t\r-]"


class Span(NamedTuple):
    """The days wanted, such as ``2026-03-04``, both included; None is open."""

    first: str | None = None
    last: str | None = None


def export_facts(lake: Lake, settings: Settings, what: tuple[str, str], span: Span, path: Path) -> int:
    """Write the facts of a kind to a file, whole or not at all; return how many there are.

    Rows are in the order of time and event id, so the same facts give the same file.

    Args:
        lake: The facts.
        settings: What the engine may use.
        what: Project and kind.
        span: The days wanted.
        path: Where to; its end names the format. As CSV, no text can be taken for a formula.

    Raises:
        InvalidInputError: If the end of the name is none of ``FORMATS``, or the kind is unknown.
    """
    project, kind = what[0], normal_kind(what[1])
    if path.suffix not in FORMATS:
        ends = ", ".join(FORMATS)
        raise InvalidInputError.at("path", f"{path.name!r} ends with none of {ends}", "unknown_format")
    draft = path.with_name(f".{path.name}.part")
    connection = connect(settings)
    try:
        view = create_view(connection, lake, project, kind)
        query = f"SELECT {_columns(kind, path.suffix)} FROM {view} {_where(span)} ORDER BY ts_us, event_id"  # noqa: S608
        target = str(draft).replace("'", "''")
        values = [day for day in span if day is not None]
        connection.execute("SET preserve_insertion_order = true")
        rows = connection.execute(f"COPY ({query}) TO '{target}' ({FORMATS[path.suffix]})", values).fetchall()
        draft.replace(path)
    finally:
        connection.close()
        draft.unlink(missing_ok=True)
    return int(rows[0][0])


def _columns(kind: str, suffix: str) -> str:
    """Return the columns; a text that begins like a formula is quoted in CSV, as spreadsheets understand it."""
    schema = SCHEMAS[kind]
    names = [name for name in schema.names if name not in _OWN]
    if suffix != ".csv":
        return ", ".join(names)
    return ", ".join(_safe(name) if DataType.is_string(schema.field(name).type) else name for name in names)


def _safe(name: str) -> str:
    """Return the SQL of a text that no spreadsheet runs."""
    return f"CASE WHEN regexp_matches({name}, '{_FORMULA}') THEN '''' || {name} ELSE {name} END AS {name}"


def _where(span: Span) -> str:
    """Return the condition on the days."""
    parts = (
        ["day >= ?::DATE"] if span.first is not None else [],
        ["day <= ?::DATE"] if span.last is not None else [],
    )
    conditions = [*parts[0], *parts[1]]
    return f"WHERE {' AND '.join(conditions)}" if conditions else ""
