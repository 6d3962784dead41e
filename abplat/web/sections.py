"""The further parts of a Report as tables: whatever a Report holds is shown, whether known here or not.

A part that a later version adds gets tables of its own by the shape of its rows; ``section_words`` only makes
the names kinder. Rows with an effect and an interval get a bar.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from markupsafe import Markup

from abplat.domain.report import Report
from abplat.web import wording
from abplat.web.charts import forest
from abplat.web.section_cells import MAINS, Place, contrast_of, say_cell, say_change
from abplat.web.section_pictures import Picture, list_pictures
from abplat.web.section_words import COLUMNS, SECTIONS, TABLES

CORE: Final = frozenset({
    "schema_version", "project", "experiment", "journey", "inputs", "verdicts", "findings", "metrics", "links",
    "conflicts", "survival", "journey_map", "evidence", "samples", "estimates",
})  # fmt: skip
"""Parts that the page shows in its own way."""
MOST_ROWS = 60
OPEN_ROWS = 12
BOUNDS: Final = frozenset({*MAINS, "se"})
MOST_SENTENCES = 3
LOUD: Final = ("is_reversed", "differs", "alarm")
"""Marks of rows whose sentence is said however many there are."""
LONE = 2
"""Arms of an experiment in which a variant needs no name: there is but one."""
SILENT: Final = frozenset({"sentence", "reading", "caption", "note", "reason", "kpi", "seed", "replicates"})
"""Said as text below the table, or in place of a number, rather than in a column."""


@dataclass(frozen=True, slots=True)
class TableRow:
    """One line: the first cell is its name."""

    cells: tuple[str, ...]
    bar: Markup | None


@dataclass(frozen=True, slots=True)
class SectionTable:
    """One table of a part."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[TableRow, ...]
    has_bars: bool
    is_open: bool
    n_hidden: int
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Section:
    """One further part of the Report."""

    key: str
    title: str
    lead: str
    facts: tuple[tuple[str, str], ...]
    sentences: tuple[str, ...]
    pictures: tuple[Picture, ...]
    tables: tuple[SectionTable, ...]


def list_sections(report: Report) -> tuple[Section, ...]:
    """Return every further part that the Report holds, known ones in a fixed order."""
    names = [name for name in report.__struct_fields__ if name not in CORE and getattr(report, name)]
    order = {name: index for index, name in enumerate(SECTIONS)}
    names.sort(key=lambda name: order.get(name, len(order)))
    sections = (_section(report, name, getattr(report, name)) for name in names)
    return tuple(found for found in sections if found.facts or found.tables or found.sentences)


def _section(report: Report, name: str, value: Any) -> Section:
    """Show one part."""
    title, lead = SECTIONS.get(name, (wording.humanise(name), ""))
    place = Place(report, name, "")
    facts: tuple[tuple[str, str], ...] = ()
    if isinstance(value, msgspec.Struct):
        facts = _facts(place, value)
    lists = list(_lists(name, value))
    return Section(
        key=name,
        title=title,
        lead=lead,
        facts=facts,
        sentences=tuple(dict.fromkeys(text for _, rows in lists for text in _sentences(rows))),
        pictures=list_pictures(report, name, value),
        tables=tuple(_table(Place(report, name, table), rows) for table, rows in lists),
    )


def _facts(place: Place, value: msgspec.Struct) -> tuple[tuple[str, str], ...]:
    """Return the single numbers of a part, those of its single parts spelled out."""
    found: list[tuple[str, str]] = []
    for name in value.__struct_fields__:
        inner = getattr(value, name)
        if isinstance(inner, msgspec.Struct):
            found += _facts(place, inner)
        elif not _is_list(inner) and inner is not None and inner != ():
            found.append((COLUMNS.get(name) or wording.humanise(name), say_cell(place, name, value)))
    return tuple(found)


def _lists(name: str, value: Any) -> Iterator[tuple[str, list[msgspec.Struct]]]:
    """Yield the tables of a part, those within rows after the one they belong to."""
    if _is_list(value):
        yield name, list(value)
        inner = {
            field: None for row in value for field in row.__struct_fields__ if _is_list(getattr(row, field))
        }
        for field in inner:
            yield f"{name}.{field}", [_Inner.of(row, each) for row in value for each in getattr(row, field)]
        return
    if isinstance(value, msgspec.Struct):
        for field in value.__struct_fields__:
            if _is_list(getattr(value, field)):
                yield from _lists(field, getattr(value, field))


class _Inner(msgspec.Struct, frozen=True):
    """A row within a row, which carries the names of the row it belongs to."""

    names: tuple[tuple[str, str], ...]
    row: msgspec.Struct

    @classmethod
    def of(cls, above: msgspec.Struct, row: msgspec.Struct) -> _Inner:
        """Keep what tells the outer rows apart."""
        wanted = ("variant", "metric", "kpi", "by", "what", "dimensions")
        found = ((name, getattr(above, name, None)) for name in wanted)
        names = tuple(
            (name, " \u00d7 ".join(value) if isinstance(value, tuple) else str(value))
            for name, value in found
            if value
        )
        return cls(names, row)


def _is_list(value: Any) -> bool:
    """Tell whether a field holds rows."""
    return isinstance(value, tuple) and bool(value) and isinstance(value[0], msgspec.Struct)


def _sentences(rows: list[msgspec.Struct]) -> Iterator[str]:
    """Yield what rows say in whole sentences: of many, only those that raise an alarm."""
    for each in rows:
        row = _bare(each)
        sentence = getattr(row, "sentence", "") or getattr(row, "reading", "")
        loud = getattr(row, "state", "") == "conflict" or any(getattr(row, name, False) for name in LOUD)
        if sentence and (len(rows) <= MOST_SENTENCES or loud):
            yield str(sentence)


def _bare(row: msgspec.Struct) -> msgspec.Struct:
    """Return the row itself, without the names of the one it belongs to."""
    return row.row if isinstance(row, _Inner) else row


def _table(place: Place, rows: list[msgspec.Struct]) -> SectionTable:
    """Lay out one table; columns in which nothing is said are left out."""
    shown = rows[:MOST_ROWS]
    has_change = any(contrast_of(_bare(row))[0] is not None for row in shown)
    names = _columns(place, shown, has_change=has_change)
    lines = [_values(place, row, names) for row in shown]
    bars = _bars(place, shown) if has_change else {}
    title = TABLES.get(place.table) or wording.humanise(place.table.rpartition(".")[2])
    columns = [COLUMNS.get(name) or wording.humanise(name) for name in names]
    notes = dict.fromkeys(
        str(text) for row in shown for name in ("caption", "note") if (text := getattr(_bare(row), name, ""))
    )
    return SectionTable(
        title=title,
        columns=(*columns, *(["Change"] if has_change else [])),
        rows=tuple(
            TableRow((*line, *([say_change(place, _bare(row))] if has_change else [])), bars.get(index))
            for index, (line, row) in enumerate(zip(lines, shown, strict=True))
        ),
        has_bars=bool(bars),
        is_open=bool(bars) and len(rows) <= OPEN_ROWS,
        n_hidden=len(rows) - len(shown),
        notes=tuple(notes)[:4],
    )


def _columns(place: Place, rows: list[msgspec.Struct], *, has_change: bool) -> list[str]:
    """Return the fields that get a column: names first, then numbers, p-values last."""
    names: dict[str, int] = {}
    for row in rows:
        if isinstance(row, _Inner):
            names |= dict.fromkeys((name for name, _ in row.names), 0)
        bare = _bare(row)
        for name in bare.__struct_fields__:
            value = getattr(bare, name)
            if (
                value in (None, "", ())
                or _is_list(value)
                or (has_change and name in BOUNDS)
                or _is_silent(name)
            ):
                continue
            kind = 0 if isinstance(value, str | tuple) else 2 if name.startswith("p_") else 1
            names[name] = min(kind, names.get(name, kind))
    lone = len(place.report.experiment.variants) <= LONE and _is_one(rows)
    kept = [name for name in names if name != "variant" or not lone or len(names) == 1]
    return sorted(kept, key=names.__getitem__)


def _is_silent(name: str) -> bool:
    """Tell whether a field has no column of its own: texts below the table, bounds, standard errors."""
    return name in SILENT or name.endswith(("_se", "ci_lower", "ci_upper"))


def _is_one(rows: list[msgspec.Struct]) -> bool:
    """Tell whether all rows are of one variant, so that its name can be left out."""
    found = {
        dict(row.names).get("variant") if isinstance(row, _Inner) else getattr(row, "variant", None)
        for row in rows
    }
    return len(found) == 1


def _values(place: Place, row: msgspec.Struct, names: list[str]) -> tuple[str, ...]:
    """Write the cells of a row."""
    above: Mapping[str, str] = dict(row.names) if isinstance(row, _Inner) else {}
    bare = _bare(row)
    return tuple(
        say_cell(place, name, bare) if hasattr(bare, name) else place.name_of(name, above.get(name, ""))
        for name in names
    )


def _bars(place: Place, rows: list[msgspec.Struct]) -> dict[int, Markup]:
    """Draw the intervals of a table on one axis of its own."""
    bars = {}
    for index, each in enumerate(rows):
        row = _bare(each)
        effect, lower, upper = contrast_of(row)
        if effect is not None and lower is not None and upper is not None:
            tone = "more" if lower > 0 else "fewer" if upper < 0 else "calm"
            bars[index] = forest.Bar(effect, lower, upper, tone)
    axis = forest.axis_of(list(bars.values()))
    return {
        index: forest.draw_bar(
            axis, bar, _bar_sentence(place, rows[index]), say_change(place, _bare(rows[index]))
        )
        for index, bar in bars.items()
    }


def _bar_sentence(place: Place, row: msgspec.Struct) -> str:
    """Say a row as a whole sentence: what it is, then its change."""
    bare = _bare(row)
    above = [place.name_of(name, value) for name, value in (row.names if isinstance(row, _Inner) else ())]
    own = [
        say_cell(place, name, bare)
        for name in bare.__struct_fields__
        if isinstance(getattr(bare, name), str) and name not in SILENT
    ][:3]
    return f"{', '.join([*above, *own]) or place.table}: {say_change(place, bare)}"
