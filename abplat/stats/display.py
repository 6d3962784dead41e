"""How results look in a notebook: a table of their numbers and a picture of their intervals.

Every dataclass that :mod:`abplat.stats` exports gets ``_repr_html_`` from here when the package is
loaded, so that no result has to know how it is drawn. The page of the service has its own pictures.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from html import escape
from typing import Any, Final, NamedTuple

_WIDTH: Final = 420
_ROW: Final = 22
_PAD: Final = 12
_PAIRS: Final = (
    ("effect", "ci_lower", "ci_upper", 0.0),
    ("difference", "ci_lower", "ci_upper", 0.0),
    ("win_share", "ci_lower", "ci_upper", 0.5),
    ("odds_ratio", "ci_lower", "ci_upper", 1.0),
    ("estimate", "ci_lower", "ci_upper", 0.0),
)
_MAX_ROWS: Final = 60


class Bar(NamedTuple):
    """One interval of a picture: its name, point and ends."""

    name: str
    point: float
    lower: float
    upper: float


def attach_displays(exported: Iterable[Any]) -> None:
    """Give every result class that has none a ``_repr_html_``.

    Args:
        exported: What a package exports; anything but dataclasses is passed over.

    Examples:
        >>> from abplat.stats import NotComputable
        >>> "has no units" in NotComputable("no_units")._repr_html_()
        True
    """
    for thing in exported:
        if isinstance(thing, type) and is_dataclass(thing) and not hasattr(thing, "_repr_html_"):
            setattr(thing, "_repr_html_", to_html)  # noqa: B010 - a slotted class takes no plain assignment


def to_html(result: Any) -> str:
    """Return a result as HTML: intervals as a picture, numbers as a table.

    Args:
        result: A result of this package: a dataclass, or several of them in a tuple or mapping.

    Returns:
        A ``<div>`` that stands on its own, without scripts and outside files.

    Raises:
        InvalidInputError: Never; what cannot be drawn is printed as text.

    References:
        The ``_repr_html_`` protocol of Jupyter (IPython documentation, rich display).

    Examples:
        >>> from abplat.stats import check_sample_ratio
        >>> found = check_sample_ratio({"c": 10, "t": 12}, {"c": 1, "t": 1})
        >>> "<td>p value</td>" in to_html(found)
        True
    """
    title = escape(type(result).__name__)
    bars, reference = find_bars(result)
    picture = draw_intervals(bars, reference) if bars else _draw_steps(result)
    return f'<div class="abplat-result"><strong>{title}</strong>{picture}{_tabulate(result)}</div>'


def find_bars(result: Any) -> tuple[list[Bar], float]:
    """Find the intervals of a result, with the value that means no effect."""
    for point, lower, upper, reference in _PAIRS:
        values = [getattr(result, name, math.nan) for name in (point, lower, upper)]
        if all(isinstance(v, (int, float)) and math.isfinite(v) for v in values):
            return [Bar(point, *map(float, values))], reference
    bars: list[Bar] = []
    reference = 0.0
    rows = result if isinstance(result, tuple) else getattr(result, "rows", ())
    for i, row in enumerate(rows if isinstance(rows, tuple) else ()):
        found, reference = find_bars(getattr(row, "result", row))
        bars += [bar._replace(name=_name_row(row, i)) for bar in found[:1]]
    inner = getattr(result, "comparison", None)
    return (bars, reference) if bars or inner is None else find_bars(inner)


def draw_intervals(bars: Sequence[Bar], reference: float = 0.0) -> str:
    """Draw intervals under each other against the value that means no effect.

    Args:
        bars: Intervals with finite ends.
        reference: Where the dashed line stands.

    Returns:
        An ``<svg>`` with a text for those who cannot see it.

    Examples:
        >>> draw_intervals([Bar("web", 0.1, 0.0, 0.2)]).startswith("<svg")
        True
    """
    low = min(reference, *(bar.lower for bar in bars))
    high = max(reference, *(bar.upper for bar in bars))
    left = 130 if len(bars) > 1 else _PAD
    span = (high - low) or 1.0

    def place(value: float) -> float:
        return round(left + (value - low) / span * (_WIDTH - left - _PAD), 1)

    height = _ROW * len(bars) + 2 * _PAD + 10
    zero = place(reference)
    parts = [
        f'<line x1="{zero}" x2="{zero}" y1="4" y2="{height - 18}" stroke="currentColor" stroke-dasharray="3 3"/>',
        f'<text x="{zero}" y="{height - 4}" font-size="11" text-anchor="middle" fill="currentColor">{reference:g}</text>',
    ]
    for i, bar in enumerate(bars):
        y = _PAD + _ROW * i + _ROW / 2
        colour = "#1a7f4b" if bar.lower > reference else "#b3261e" if bar.upper < reference else "#5f6368"
        if len(bars) > 1:
            parts.append(
                f'<text x="4" y="{y + 4}" font-size="12" fill="currentColor">{escape(bar.name)}</text>'
            )
        parts.append(
            f'<line x1="{place(bar.lower)}" x2="{place(bar.upper)}" y1="{y}" y2="{y}" stroke="{colour}" '
            f'stroke-width="3"/><circle cx="{place(bar.point)}" cy="{y}" r="5" fill="{colour}"/>'
        )
    label = "; ".join(
        f"{b.name} {format_value(b.point)} ({format_value(b.lower)} to {format_value(b.upper)})" for b in bars
    )
    return _frame(height, label, parts)


def format_value(value: Any) -> str:
    """Return a value as people read it: four digits, short sequences, reasons as sentences.

    Examples:
        >>> format_value(0.123456), format_value(None), format_value((1, 2.5))
        ('0.1235', '–', '1, 2.5')
    """
    if value is None:
        return "–"
    if isinstance(value, (bool, str)):
        return str(value)
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, Mapping):
        return ", ".join(f"{format_value(k)}: {format_value(v)}" for k, v in list(value.items())[:12])
    if isinstance(value, (tuple, list)):
        more = ", …" if len(value) > 12 else ""
        return ", ".join(format_value(v) for v in value[:12]) + more
    return str(getattr(value, "message", value))


def _frame(height: float, label: str, parts: Sequence[str]) -> str:
    """Put shapes into an SVG with its text."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{escape(label)}" width="{_WIDTH}" '
        f'height="{height}" viewBox="0 0 {_WIDTH} {height}" style="display:block">{"".join(parts)}</svg>'
    )


def _draw_steps(result: Any) -> str:
    """Draw a survival curve as steps; nothing for other results."""
    times, values = getattr(result, "times", None), getattr(result, "survival", None)
    if not times or values is None or len(times) != len(values) or not times[-1]:
        return ""
    wide, tall = _WIDTH - 2 * _PAD, 120
    points, level = [(0.0, 1.0)], 1.0
    for time, value in zip(times, values, strict=True):
        points += [(float(time), level), (float(time), float(value))]
        level = float(value)
    path = " ".join(f"{_PAD + wide * t / times[-1]:.1f},{_PAD + tall * (1 - s):.1f}" for t, s in points)
    shape = f'<polyline points="{path}" fill="none" stroke="#1f5fbf" stroke-width="2"/>'
    return _frame(
        tall + 2 * _PAD, f"survival falls to {format_value(level)} at {format_value(times[-1])}", [shape]
    )


def _name_row(row: Any, place: int) -> str:
    """Name a row by what tells it apart."""
    for name in ("value", "key", "age", "name", "metric"):
        found = getattr(row, name, None)
        if found is not None:
            return " / ".join(found) if isinstance(found, tuple) else str(found)
    return str(place + 1)


def _tabulate(result: Any) -> str:
    """Return the fields of a result as a table; rows of results become a table of their own."""
    if isinstance(result, tuple):
        return _tabulate_rows(result)
    if not is_dataclass(result) or isinstance(result, type):
        return f"<p>{escape(format_value(result))}</p>"
    if hasattr(result, "reason") and hasattr(result, "message"):
        return f"<p>{escape(result.message)} <code>{escape(result.reason)}</code></p>"
    lines = []
    for field in fields(result):
        value = getattr(result, field.name)
        label = escape(field.name.replace("_", " "))
        cell = _tabulate(value) if _is_nested(value) else escape(format_value(value))
        lines.append(f"<tr><td>{label}</td><td>{cell}</td></tr>")
    return f"<table>{''.join(lines)}</table>"


def _tabulate_rows(rows: tuple[Any, ...]) -> str:
    """Return results of one kind under each other."""
    if not rows:
        return "<p>–</p>"
    names = [field.name for field in fields(rows[0])]
    head = "".join(f"<th>{escape(name.replace('_', ' '))}</th>" for name in names)
    body = "".join(
        "<tr>" + "".join(f"<td>{_cell(getattr(row, name, None))}</td>" for name in names) + "</tr>"
        for row in rows[:_MAX_ROWS]
    )
    return f"<table><tr>{head}</tr>{body}</table>"


def _cell(value: Any) -> str:
    """Return a value within a row: an interval for a result that has one."""
    if is_dataclass(value) and not isinstance(value, type):
        bars, _ = find_bars(value)
        if bars:
            bar = bars[0]
            ends = f"{format_value(bar.lower)} to {format_value(bar.upper)}"
            return f"{format_value(bar.point)} ({ends})"
        if hasattr(value, "p_value"):
            return f"p = {format_value(value.p_value)}"
    return escape(format_value(value))


def _is_nested(value: Any) -> bool:
    """Tell whether a value is a result, or several."""
    is_rows = isinstance(value, tuple) and bool(value) and all(map(is_dataclass, value))
    return is_rows or (is_dataclass(value) and not isinstance(value, type))
