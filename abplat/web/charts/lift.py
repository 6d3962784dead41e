"""Lift over time: the estimate at each look with its band, dotted where the settings changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from markupsafe import Markup

from abplat.web import wording
from abplat.web.charts import svg

WIDTH, HEIGHT = 720.0, 260.0
LEFT, RIGHT, TOP, BOTTOM = 60.0, 16.0, 26.0, 34.0
DOTTED = "2 4"


@dataclass(frozen=True, slots=True)
class Point:
    """The estimate at one place of the line."""

    at: float
    value: float
    lower: float
    upper: float
    words: str
    """What the mark says on hover."""
    label: str
    """What stands below the axis, where there is room."""
    is_comparable: bool = True
    """Whether the settings were those of the point before."""


@dataclass(frozen=True, slots=True)
class Note:
    """Something that happened: a pause, a change of weights."""

    at: float
    number: int
    words: str
    until: float | None = None
    """Its end, where it lasted; the time between is shaded."""


@dataclass(frozen=True, slots=True)
class Frame:
    """Both scales; the upright one always holds zero."""

    start: float
    end: float
    low: float
    high: float

    def x(self, at: float) -> float:
        """Return where an instant lies."""
        width = self.end - self.start
        share = (at - self.start) / width if width else 0.5
        return LEFT + min(max(share, 0.0), 1.0) * (WIDTH - LEFT - RIGHT)

    def y(self, value: float) -> float:
        """Return where an effect lies, held inside the picture."""
        share = (value - self.low) / (self.high - self.low)
        return HEIGHT - BOTTOM - min(max(share, 0.0), 1.0) * (HEIGHT - TOP - BOTTOM)


def draw(points: Sequence[Point], notes: Sequence[Note], tone: str, sentence: str) -> Markup:
    """Draw the line of one variant; at least one point."""
    frame = _frame(points, notes)
    marks = [*_axes(frame, points), *_notes(frame, notes)]
    marks.append(_band(frame, points, tone))
    marks.extend(_line(frame, points, tone))
    marks.extend(_dots(frame, points, tone))
    return svg.figure((WIDTH, HEIGHT), sentence, marks, "chart wide")


def _frame(points: Sequence[Point], notes: Sequence[Note]) -> Frame:
    """Fit the scales; the width of early intervals does not squeeze the later ones.

    The line of time begins early enough for every note.
    """
    spans = sorted(point.upper - point.lower for point in points)
    limit = 3 * spans[len(spans) // 2] or 0.1
    last = points[-1].value
    low = max(min(point.lower for point in points), min(last, 0.0) - limit)
    high = min(max(point.upper for point in points), max(last, 0.0) + limit)
    low, high = min(low, 0.0), max(high, 0.0)
    pad = 0.08 * (high - low) or 0.05
    start = min([points[0].at, *(note.at for note in notes)])
    return Frame(start, points[-1].at, low - pad, high + pad)


def _axes(frame: Frame, points: Sequence[Point]) -> list[Markup]:
    """Draw the grid, zero, and the words below."""
    marks = []
    ticks = svg.ticks_between(frame.low, frame.high, 5)
    digits = 0 if len(ticks) < 2 or ticks[1] - ticks[0] >= 0.01 else 1
    for tick in ticks:
        look = {"stroke": svg.CONTROL if tick == 0 else svg.LINE, "stroke_width": 1.25 if tick == 0 else 1}
        css = "s-ink" if tick == 0 else "s-line"
        marks.append(svg.line((LEFT, frame.y(tick)), (WIDTH - RIGHT, frame.y(tick)), css, **look))
        words = "0" if tick == 0 else wording.percent(tick, signed=True, digits=digits)
        marks.append(svg.text(LEFT - 8, frame.y(tick) + 4, words, "c-muted", text_anchor="end"))
    last = -100.0
    for point in points:
        x = frame.x(point.at)
        if x - last < 74 or (point is not points[-1] and frame.x(points[-1].at) - x < 74):
            continue
        last = x
        anchor = "end" if x > WIDTH - RIGHT - 40 else "start" if x < LEFT + 20 else "middle"
        marks.append(svg.text(x, HEIGHT - BOTTOM + 18, point.label, "c-muted", text_anchor=anchor, size=11))
    return marks


def _band(frame: Frame, points: Sequence[Point], tone: str) -> Markup:
    """Draw the plausible range as one band."""
    upper = [(frame.x(point.at), frame.y(point.upper)) for point in points]
    lower = [(frame.x(point.at), frame.y(point.lower)) for point in reversed(points)]
    d = "M" + "L".join(f"{svg.num(x)} {svg.num(y)}" for x, y in [*upper, *lower]) + "z"
    words = "Plausible range of the change at each look"
    return svg.path(d, f"f-{tone}", fill=svg.TONES[tone], opacity=0.15, hint=words)


def _line(frame: Frame, points: Sequence[Point], tone: str) -> list[Markup]:
    """Join the estimates, dotted where two are not of the same settings."""
    marks = []
    for before, after in pairwise(points):
        look: dict[str, Any] = {"stroke": svg.TONES[tone], "stroke_width": 2}
        if not after.is_comparable:
            look["stroke_dasharray"] = DOTTED
        ends = (frame.x(before.at), frame.y(before.value)), (frame.x(after.at), frame.y(after.value))
        marks.append(svg.line(*ends, f"s-{tone}", **look))
    return marks


def _dots(frame: Frame, points: Sequence[Point], tone: str) -> list[Markup]:
    """Mark every look; a lone one also with its interval."""
    marks = []
    for point in points:
        x = frame.x(point.at)
        if len(points) == 1:
            ends = (x, frame.y(point.lower)), (x, frame.y(point.upper))
            marks.append(svg.line(*ends, f"s-{tone}", stroke=svg.TONES[tone], stroke_width=2))
        dot = {"cx": x, "cy": frame.y(point.value), "r": 3.5, "class": f"f-{tone} c-edge"}
        look = {"fill": svg.TONES[tone], "stroke": svg.PAPER}
        marks.append(svg.element("circle", {**dot, **look}, svg.title(point.words)))
    return marks


def _notes(frame: Frame, notes: Sequence[Note]) -> list[Markup]:
    """Mark what happened; the number leads to the list below the picture."""
    marks = []
    for note in notes:
        if not frame.start <= note.at <= frame.end:
            continue
        x = frame.x(note.at)
        if note.until is not None:
            width = max(frame.x(min(note.until, frame.end)) - x, 1.0)
            look = {"fill": svg.TONES["warn"], "opacity": 0.1}
            marks.append(svg.rect(x, TOP, (width, HEIGHT - TOP - BOTTOM), "f-warn", hint=note.words, **look))
        line = {"stroke": svg.TONES["warn"], "stroke_width": 1, "stroke_dasharray": "4 3"}
        marks.append(svg.line((x, TOP - 6), (x, HEIGHT - BOTTOM), "s-warn", **line))
        name = svg.text(
            x, TOP - 11, str(note.number), "f-warn", text_anchor="middle", size=11, font_weight=600,
            fill=svg.TONES["warn"],
        )  # fmt: skip
        marks.append(svg.element("g", {}, svg.title(note.words), name))
    return marks
