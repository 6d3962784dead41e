"""Curves of time to complete: the share of customers who are done, day by day, with bands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from abplat.web import wording
from abplat.web.charts import svg

WIDTH, HEIGHT = 720.0, 300.0
LEFT, RIGHT, TOP, BOTTOM = 48.0, 150.0, 14.0, 34.0
FINEST = 1.0
"""Smallest step that is drawn, in the units of the picture."""
DAY, HOUR, MINUTE = 86_400.0, 3_600.0, 60.0


@dataclass(frozen=True, slots=True)
class Curve:
    """The completed share of one arm over seconds since exposure, as steps."""

    name: str
    times: tuple[float, ...]
    share: tuple[float, ...]
    lower: tuple[float, ...]
    upper: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Frame:
    """The plot's two scales."""

    end: float
    top: float

    def x(self, seconds: float) -> float:
        """Return where an instant lies."""
        return LEFT + min(seconds / self.end, 1.0) * (WIDTH - LEFT - RIGHT)

    def y(self, share: float) -> float:
        """Return where a share lies."""
        return HEIGHT - BOTTOM - min(max(share / self.top, 0.0), 1.0) * (HEIGHT - TOP - BOTTOM)


def unit_of(seconds: float) -> tuple[float, str]:
    """Return the unit in which the time axis is best read."""
    if seconds >= 2 * DAY:
        return DAY, "days"
    if seconds >= 2 * HOUR:
        return HOUR, "hours"
    return (MINUTE, "minutes") if seconds >= 2 * MINUTE else (1.0, "seconds")


def draw(curves: Sequence[Curve], end: float, sentence: str) -> Markup:
    """Draw all curves in one frame, each with its name at its end."""
    highest = max((value for curve in curves for value in curve.upper), default=1.0)
    frame = Frame(end or 1.0, min(max(highest * 1.12, 0.01), 1.0))
    marks = _axes(frame)
    for index, curve in enumerate(curves):
        marks.append(_band(frame, curve, index))
    for index, curve in enumerate(curves):
        marks.append(_stroke(frame, curve, index))
    marks.extend(_names(frame, curves))
    return svg.figure((WIDTH, HEIGHT), sentence, marks, "chart wide")


def _axes(frame: Frame) -> list[Markup]:
    """Draw the grid and the words of both axes."""
    marks, floor = [], frame.y(0)
    for tick in svg.ticks_between(0, frame.top, 4):
        y = frame.y(tick)
        marks.append(svg.line((LEFT, y), (WIDTH - RIGHT, y), "s-line", stroke=svg.LINE, stroke_width=1))
        digits = 0 if frame.top > 0.05 else 1
        marks.append(
            svg.text(LEFT - 8, y + 4, wording.percent(tick, digits=digits), "c-muted", text_anchor="end")
        )
    length, name = unit_of(frame.end)
    for tick in svg.ticks_between(0, frame.end / length, 7):
        words = wording.number(tick, 0 if tick == int(tick) else 1)
        marks.append(svg.text(frame.x(tick * length), floor + 18, words, "c-muted", text_anchor="middle"))
    marks.append(svg.text(WIDTH - RIGHT + 8, floor + 18, f"{name} since exposure", "c-muted"))
    return marks


def _band(frame: Frame, curve: Curve, index: int) -> Markup:
    """Draw the interval around a curve."""
    upper = _steps(frame, curve.times, curve.upper)
    lower = _steps(frame, curve.times, curve.lower)[::-1]
    d = "M" + "L".join(f"{svg.num(x)} {svg.num(y)}" for x, y in [*upper, *lower]) + "z"
    return svg.path(d, f"f-arm{index % 5}", fill=svg.SERIES[index % 5], opacity=0.13)


def _stroke(frame: Frame, curve: Curve, index: int) -> Markup:
    """Draw a curve; arms differ by dash as well as by hue."""
    steps = _steps(frame, curve.times, curve.share)
    d = "M" + "L".join(f"{svg.num(x)} {svg.num(y)}" for x, y in steps)
    words = f"{curve.name}: {wording.percent(curve.share[-1])} done at the end" if curve.share else curve.name
    look = {"stroke": svg.SERIES[index % 5], "stroke_width": 2, "stroke_dasharray": svg.DASHES[index % 5]}
    return svg.path(d, f"s-arm{index % 5}", fill="none", **look, hint=words)


def _steps(frame: Frame, times: tuple[float, ...], values: tuple[float, ...]) -> list[tuple[float, float]]:
    """Turn a step function into corners; steps too small to be seen become one."""
    corners = [(frame.x(0), frame.y(0))]
    last = len(times) - 1
    for place, (time, value) in enumerate(zip(times, values, strict=True)):
        x, y = frame.x(time), frame.y(value)
        if place == last or abs(x - corners[-1][0]) >= FINEST or abs(y - corners[-1][1]) >= FINEST:
            corners += [(x, corners[-1][1]), (x, y)]
    return [*corners, (frame.x(frame.end), corners[-1][1])]


def _names(frame: Frame, curves: Sequence[Curve]) -> list[Markup]:
    """Write each arm's name at the end of its curve, pushed apart where they would overlap."""
    ends = sorted(((frame.y(curve.share[-1] if curve.share else 0), i) for i, curve in enumerate(curves)))
    marks, last = [], -100.0
    for y, index in ends:
        place = max(y, last + 30)
        last = place
        curve = curves[index]
        name = curve.name if len(curve.name) <= 17 else curve.name[:16] + "\u2026"
        look = {"font_weight": 600, "size": 12}
        marks.append(
            svg.text(WIDTH - RIGHT + 8, place, name, f"f-arm{index % 5}", fill=svg.SERIES[index % 5], **look)
        )
        share = wording.percent(curve.share[-1]) if curve.share else ""
        marks.append(svg.text(WIDTH - RIGHT + 8, place + 14, f"{share} done", "c-muted", size=12))
    return marks
