"""Small marks that become SVG: escaped text, light-theme attributes, classes for the dark theme.

Every mark carries presentation attributes of the light theme, so that the same string is right
in a page, a PDF, an e-mail or a notebook; the style sheet overrides them by class.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable

from markupsafe import Markup, escape

INK = "#1b2430"
MUTED = "#566070"
LINE = "#dfe3e8"
PAPER = "#ffffff"
TONES = {
    "good": "#1a7445",
    "bad": "#b3362c",
    "warn": "#8f5b00",
    "calm": "#6a7482",
    "more": "#1f66b0",
    "fewer": "#a84f0c",
    "zone": "#eef0f3",
}
CONTROL = "#4a5563"
SERIES = ("#4a5563", "#1f66b0", "#7b4bb3", "#0f7b7b", "#9a5b00")
DASHES = ("5 4", "", "2 3", "8 3 2 3", "1 3")
_SPECIAL = re.compile("[&<>\"']").search
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif"


def num(value: float) -> str:
    """Write a coordinate: two decimals at most, so that equal reports give equal bytes."""
    return f"{value:.2f}".rstrip("0").rstrip(".") if value else "0"


def element(name: str, attributes: dict[str, object], *content: Markup | str) -> Markup:
    """Write one element; every attribute and every text is escaped.

    Joined as plain text and marked once: a page has thousands of elements.
    """
    parts = ["<", name]
    for key, value in attributes.items():
        if value is not None and value != "":
            shown = num(value) if isinstance(value, int | float) else _escape(value)
            parts += (" ", key, '="', shown, '"')
    if content:
        parts += (">", *map(_escape, content), "</", name, ">")
    else:
        parts.append("/>")
    return Markup("".join(parts))  # noqa: S704  # names and keys are ours; all else is escaped above


def _escape(value: object) -> str:
    """Escape a text; most hold nothing special, and to look is cheaper than to mark."""
    if isinstance(value, Markup):
        return value
    text = value if isinstance(value, str) else str(value)
    return escape(text) if _SPECIAL(text) else text


def title(text: str) -> Markup:
    """Write the words that a mark shows on hover and says to a reader."""
    return element("title", {}, text)


def line(start: tuple[float, float], end: tuple[float, float], css: str, **more: object) -> Markup:
    """Draw a straight line."""
    place = {"x1": start[0], "y1": start[1], "x2": end[0], "y2": end[1], "class": css}
    return element("line", {**place, **dashed(more)})


def rect(x: float, y: float, size: tuple[float, float], css: str, **more: object) -> Markup:
    """Draw a rectangle; ``hint`` becomes its title."""
    hint = more.pop("hint", None)
    place: dict[str, object] = {"x": x, "y": y, "width": max(size[0], 0), "height": max(size[1], 0)}
    content = (title(str(hint)),) if hint else ()
    return element("rect", {**place, "class": css, **dashed(more)}, *content)


def path(d: str, css: str, **more: object) -> Markup:
    """Draw a path; ``hint`` becomes its title."""
    hint = more.pop("hint", None)
    content = (title(str(hint)),) if hint else ()
    return element("path", {"d": d, "class": css, **dashed(more)}, *content)


def text(x: float, y: float, words: str, css: str = "c-ink", **more: object) -> Markup:
    """Write text at a point."""
    size = more.pop("size", 12)
    fill = {"c-ink": INK, "c-ink c-edge": INK, "c-muted": MUTED}.get(css)
    place = {"x": x, "y": y, "class": css, "fill": fill, "font-size": size}
    return element("text", {**place, **dashed(more)}, words)


def dashed(attributes: dict[str, object]) -> dict[str, object]:
    """Turn Python's names into SVG's: ``stroke_width`` is ``stroke-width``."""
    return {key.replace("_", "-"): value for key, value in attributes.items()}


def figure(size: tuple[float, float], label: str, marks: Iterable[Markup], css: str = "chart") -> Markup:
    """Close the marks into one picture whose whole sentence a screen reader says."""
    attributes: dict[str, object] = {
        "xmlns": "http://www.w3.org/2000/svg",
        "viewBox": f"0 0 {num(size[0])} {num(size[1])}",
        "width": "100%",
        "class": css,
        "font-family": FONT,
        "role": "img",
        "aria-label": label,
    }
    return element("svg", attributes, *marks)


def ticks_between(lower: float, upper: float, wanted: int = 5) -> list[float]:
    """Return round values inside a range, about as many as wanted.

    Examples:
        >>> ticks_between(0, 10)
        [0.0, 2.0, 4.0, 6.0, 8.0, 10.0]
    """
    width = upper - lower
    if width <= 0:
        return [lower]
    power = 10.0
    raw = width / wanted
    while power > raw:
        power /= 10
    while power * 10 <= raw:
        power *= 10
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= raw * 0.999)
    first = math.ceil(lower / step - 1e-9)
    ticks = [round(step * index, 12) for index in range(first, first + 4 * wanted)]
    return [tick for tick in ticks if lower - 1e-12 <= tick <= upper + 1e-12]
