"""The further parts of a Report as rows for a spreadsheet: one table a part, told apart by a column."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from abplat.domain.report import Report
from abplat.errors import InvalidInputError
from abplat.services.report_table import safe_cell, write_csv

METRICS: Final = "metrics"
PARTS: Final = (
    "identity",
    "link_detail",
    "conflict_scan",
    "scores",
    "observations",
    "maturity",
    "paths",
    "breakdowns",
    "samples",
    "estimates",
)
"""Sections of a Report that can be written beside the metric table."""
Row = dict[str, Any]


def write_part(report: Report, part: str = METRICS) -> str:
    """Write one part of a report as CSV: the metric table, or a section as one long table.

    The first columns of a section say which of its tables a row belongs to; a field that a table
    does not have is empty, and a list within a field is written as JSON.

    Raises:
        InvalidInputError: ``unknown_part``.
    """
    if part == METRICS:
        return write_csv(report)
    if part not in PARTS:
        named = ", ".join((METRICS, *PARTS))
        raise InvalidInputError.at("part", f"{part[:64]!r} is not one of {named}", "unknown_part")
    section = getattr(report, part)
    rows = list(_list_rows(part, section))
    columns = list(dict.fromkeys(["part", "table", *(name for row in rows for name in row)]))
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([safe_cell(_plain(row.get(name))) for name in columns])
    return buffer.getvalue()


def _list_rows(part: str, section: msgspec.Struct | tuple[msgspec.Struct, ...] | None) -> Iterator[Row]:
    """Yield the rows of a section: its own fields first, then each table within it."""
    if section is None or isinstance(section, tuple):
        for item in section or ():
            yield from _flatten(part, part, item, {})
        return
    yield {"part": part, "table": "summary", **_own_fields(section)}
    for name, value in _tables(section):
        for item in value:
            yield from _flatten(part, name, item, {})


def _flatten(part: str, table: str, item: msgspec.Struct, above: Row) -> Iterator[Row]:
    """Yield a row and those of the tables within it, which carry the names of the row they belong to."""
    own = _own_fields(item)
    yield {"part": part, "table": table, **above, **own}
    names = {name: value for name, value in own.items() if isinstance(value, str | tuple) and value}
    for name, value in _tables(item):
        for inner in value:
            yield from _flatten(part, f"{table}.{name}", inner, {**above, **names})


def _own_fields(item: msgspec.Struct) -> Row:
    """Return the fields that are no table; one that is a single part is spelled out with its name."""
    found: Row = {}
    for name in item.__struct_fields__:
        value = getattr(item, name)
        if isinstance(value, msgspec.Struct):
            found |= {f"{name}_{inner}": each for inner, each in _own_fields(value).items()}
        elif not _is_table(value):
            found[name] = value
    return found


def _tables(item: msgspec.Struct) -> Iterator[tuple[str, tuple[msgspec.Struct, ...]]]:
    """Yield the fields that are tables."""
    for name in item.__struct_fields__:
        value = getattr(item, name)
        if _is_table(value):
            yield name, value


def _is_table(value: Any) -> bool:
    """Tell whether a field holds rows."""
    return isinstance(value, tuple) and bool(value) and isinstance(value[0], msgspec.Struct)


def _plain(value: Any) -> str | int | float | bool | None:
    """Return a cell; lists and maps as JSON."""
    if value is None or isinstance(value, str | int | float):
        return value
    return msgspec.json.encode(value, order="deterministic").decode() if value else ""
