"""The sections of a Report as rows: what is nested is spread out, a row per innermost part."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, TypeAlias

import msgspec

from abplat.domain.report import Report

Cell: TypeAlias = str | int | float | bool | None
METRICS: Final = "metrics"
_PATHS: Final[dict[str, tuple[str, ...]]] = {
    "links": ("links",),
    "link_shares": ("link_detail", "shares"),
    "mix": ("link_detail", "mix"),
    "hand_offs": ("link_detail", "hand_offs"),
    "shifts": ("link_detail", "shifts"),
    "latencies": ("link_detail", "latencies"),
    "mechanism": ("link_detail", "mechanism"),
    "conflicts": ("conflict_scan", "scan"),
    "strata": ("conflict_scan", "strata"),
    "scores": ("scores",),
    "observations": ("observations",),
    "findings": ("findings",),
}
TABLES: Final = (METRICS, *_PATHS)


def list_section_rows(report: Report, table: str) -> list[dict[str, Cell]]:
    """Return the rows of a section, each with the experiment and the instant it speaks of."""
    part: Any = report
    for name in _PATHS[table]:
        part = None if part is None else getattr(part, name)
    head: dict[str, Cell] = {
        "project": report.project,
        "experiment": report.experiment.key,
        "as_of": report.inputs.as_of,
    }
    return [{**head, **row} for row in _spread(msgspec.to_builtins(part or ()))]


def _spread(rows: Iterable[dict[str, Any]]) -> Iterator[dict[str, Cell]]:
    """Spread out nested lists: the fields of a part stand in every row of its own parts."""
    for row in rows:
        plain = {name: value for name, value in row.items() if not isinstance(value, dict | list | tuple)}
        lists = [value for value in row.values() if _is_table(value)]
        if not lists:
            yield plain
        for inner in _spread(part for value in lists for part in value):
            doubled = {f"part_{name}" if name in plain else name: value for name, value in inner.items()}
            yield {**plain, **doubled}


def _is_table(value: Any) -> bool:
    """Tell whether a value is a list of parts."""
    return (
        isinstance(value, Sequence)
        and not isinstance(value, str)
        and bool(value)
        and isinstance(value[0], dict)
    )
