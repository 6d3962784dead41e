"""The forest of effects: one interval per table row, all rows on one shared axis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from markupsafe import Markup

from abplat.web import wording
from abplat.web.charts import svg

WIDTH, HEIGHT, AXIS_HEIGHT = 360.0, 34.0, 20.0
PAD = 8.0
COVERED = 0.9
"""The share of bounds that the axis must hold; farther ones end in an arrow."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One interval: the estimate, its bounds, its tone and what is marked beside it."""

    point: float
    lower: float
    upper: float
    tone: str
    margin: float | None = None
    """Where harm begins, signed: below zero when up is good."""
    zone: float | None = None
    """Half width of the changes too small to act on."""


class Words(NamedTuple):
    """What the marks of a row say on hover and to a reader."""

    best: str = "Best estimate"
    zone: str = "Changes too small to act on"
    harm: str = "Past the guardrail’s margin"
    beyond: str = "The interval goes on beyond the scale"


ENGLISH = Words()


@dataclass(frozen=True, slots=True)
class Axis:
    """The range that all bars of a table share; it always holds zero."""

    lower: float
    upper: float

    def x(self, value: float) -> float:
        """Return where a value lies, held inside the picture."""
        share = (value - self.lower) / (self.upper - self.lower)
        return PAD + min(max(share, 0.0), 1.0) * (WIDTH - 2 * PAD)

    def ticks(self) -> list[float]:
        """Return the values that get a grid line."""
        return svg.ticks_between(self.lower, self.upper, 5)


def axis_of(bars: Sequence[Bar]) -> Axis:
    """Fit one axis to all bars; a few very wide ones do not squeeze the others."""
    sizes = sorted(abs(bound) for bar in bars for bound in (bar.lower, bar.upper))
    if not sizes or sizes[-1] == 0:
        return Axis(-0.1, 0.1)
    common = sizes[min(len(sizes) - 1, int(len(sizes) * COVERED))]
    limit = sizes[-1] if sizes[-1] <= 3 * common else 1.5 * common
    values = [bound for bar in bars for bound in (bar.lower, bar.upper, bar.margin or 0.0)]
    lower, upper = max(min([*values, 0.0]), -limit), min(max([*values, 0.0]), limit)
    pad = 0.06 * (upper - lower)
    return Axis(lower - pad, upper + pad)


def draw_axis(axis: Axis) -> Markup:
    """Draw the scale that stands in the head of the table."""
    marks = []
    for tick in axis.ticks():
        words = "0" if tick == 0 else wording.percent(tick, signed=True, digits=_digits(axis))
        x = min(max(axis.x(tick), PAD + 14), WIDTH - PAD - 14)
        marks.append(svg.text(x, 13, words, "c-muted", text_anchor="middle", size=11))
    return svg.figure((WIDTH, AXIS_HEIGHT), "Scale of the relative change against control", marks, "bar")


def draw_bar(axis: Axis, bar: Bar, sentence: str, best: str = "", words: Words = ENGLISH) -> Markup:
    """Draw the interval of one row; ``best`` says the estimate where it is no relative change."""
    middle = HEIGHT / 2
    color = svg.TONES.get(bar.tone, svg.TONES["calm"])
    left, right = axis.x(bar.lower), axis.x(bar.upper)
    marks = [*_ground(axis, bar, words)]
    marks.append(
        svg.rect(
            left,
            middle - 4,
            (right - left, 8),
            f"f-{bar.tone}",
            rx=4,
            fill=color,
            opacity=0.38,
            hint=sentence,
        )
    )
    marks.extend(_arrows(axis, bar, color, words))
    point = {"cx": axis.x(bar.point), "cy": middle, "r": 5, "class": f"f-{bar.tone} c-edge", "fill": color}
    said = f"{words.best} {best or wording.percent(bar.point, signed=True)}"
    marks.append(svg.element("circle", {**point, "stroke": svg.PAPER, "stroke-width": 1.5}, svg.title(said)))
    return svg.figure((WIDTH, HEIGHT), sentence, marks, "bar")


def draw_ground(axis: Axis, sentence: str) -> Markup:
    """Draw the grid of a row that has no interval to show."""
    return svg.figure((WIDTH, HEIGHT), sentence, _grid(axis), "bar")


def _ground(axis: Axis, bar: Bar, words: Words) -> list[Markup]:
    """Draw what lies behind an interval: zone, grid, zero and margin."""
    marks = []
    if bar.zone:
        left, right = axis.x(-bar.zone), axis.x(bar.zone)
        marks.append(
            svg.rect(left, 0, (right - left, HEIGHT), "f-zone", fill=svg.TONES["zone"], hint=words.zone)
        )
    if bar.margin is not None:
        marks.append(_harm(axis, bar.margin, words))
    marks.extend(_grid(axis))
    if bar.margin is not None:
        x = axis.x(bar.margin)
        line = {"stroke": svg.TONES["bad"], "stroke_dasharray": "3 3", "stroke_width": 1.5}
        marks.append(svg.line((x, 0), (x, HEIGHT), "s-bad", **line))
    return marks


def _harm(axis: Axis, margin: float, words: Words) -> Markup:
    """Shade the side of the margin on which a guardrail is harmed."""
    edge = axis.x(margin)
    end = PAD if margin < 0 else WIDTH - PAD
    left = min(edge, end)
    return svg.rect(
        left, 0, (abs(end - edge), HEIGHT), "f-bad", fill=svg.TONES["bad"], opacity=0.08, hint=words.harm
    )


def _grid(axis: Axis) -> list[Markup]:
    """Draw the ticks, and zero darker than the rest."""
    lines = "".join(f"M{svg.num(axis.x(tick))} 0V{svg.num(HEIGHT)}" for tick in axis.ticks() if tick != 0)
    marks = [svg.path(lines, "s-line", stroke=svg.LINE, stroke_width=1)] if lines else []
    zero = axis.x(0)
    marks.append(svg.line((zero, 0), (zero, HEIGHT), "s-ink", stroke=svg.CONTROL, stroke_width=1.25))
    return marks


def _arrows(axis: Axis, bar: Bar, color: str, words: Words) -> list[Markup]:
    """Mark an end that lies outside the axis."""
    middle, marks = HEIGHT / 2, []
    for outside, x, way in ((bar.lower < axis.lower, PAD, -1), (bar.upper > axis.upper, WIDTH - PAD, 1)):
        if outside:
            d = f"M{svg.num(x)} {middle - 6}l{7 * way} 6l{-7 * way} 6z"
            marks.append(svg.path(d, f"f-{bar.tone}", fill=color, hint=words.beyond))
    return marks


def _digits(axis: Axis) -> int:
    """Return the decimals that tell neighbouring ticks apart."""
    ticks = axis.ticks()
    step = ticks[1] - ticks[0] if len(ticks) > 1 else 0.1
    return 0 if step >= 0.01 else 1
