"""Touchpoint against journey: what is won here and lost there lies in the lower right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from abplat.web import wording
from abplat.web.charts import svg

WIDTH, HEIGHT = 440.0, 320.0
LEFT, RIGHT, TOP, BOTTOM = 56.0, 14.0, 14.0, 40.0


@dataclass(frozen=True, slots=True)
class Spot:
    """One touchpoint metric, both effects turned so that up is good."""

    name: str
    across: tuple[float, float, float]
    """Lower bound, estimate and upper bound at the touchpoint."""
    up: tuple[float, float, float]
    """The same of the journey."""
    tone: str
    sentence: str


def draw(spots: Sequence[Spot], journey: str) -> Markup:
    """Draw every touchpoint as a cross of two intervals."""
    wide = _limit([bound for spot in spots for bound in spot.across])
    high = _limit([bound for spot in spots for bound in spot.up])
    marks = [*_quadrants(), *_axes(wide, high, journey)]
    for index, spot in enumerate(sorted(spots, key=lambda spot: -spot.across[1])):
        marks.extend(_cross(spot, wide, high))
        marks.append(_name(spot, _x(spot.across[1], wide), high, index))
    sentence = "Touchpoint against journey. " + " ".join(spot.sentence for spot in spots)
    return svg.figure((WIDTH, HEIGHT), sentence, marks, "chart")


def _limit(values: Sequence[float]) -> float:
    """Return half the width of a scale that is the same to both sides."""
    return 1.15 * max((abs(value) for value in values), default=0.1) or 0.1


def _x(value: float, wide: float) -> float:
    """Return where a touchpoint effect lies."""
    return LEFT + (value + wide) / (2 * wide) * (WIDTH - LEFT - RIGHT)


def _y(value: float, high: float) -> float:
    """Return where a journey effect lies."""
    return HEIGHT - BOTTOM - (value + high) / (2 * high) * (HEIGHT - TOP - BOTTOM)


def _quadrants() -> list[Markup]:
    """Shade and name the quadrant of conflicts, and name that of shared wins."""
    middle_x, middle_y = (LEFT + WIDTH - RIGHT) / 2, (TOP + HEIGHT - BOTTOM) / 2
    size = (WIDTH - RIGHT - middle_x, HEIGHT - BOTTOM - middle_y)
    shade = svg.rect(middle_x, middle_y, size, "f-bad", fill=svg.TONES["bad"], opacity=0.07)
    look = {"text_anchor": "end", "size": 11}
    lost = svg.text(
        WIDTH - RIGHT - 8, HEIGHT - BOTTOM - 8, "won here, lost there", "f-bad", fill=svg.TONES["bad"], **look
    )
    won = svg.text(WIDTH - RIGHT - 8, TOP + 16, "won here and there", "c-muted", **look)
    return [shade, lost, won]


def _axes(wide: float, high: float, journey: str) -> list[Markup]:
    """Draw both zero lines and say what the axes are."""
    ink = {"stroke": svg.CONTROL, "stroke_width": 1.25}
    marks = [
        svg.line((LEFT, _y(0, high)), (WIDTH - RIGHT, _y(0, high)), "s-ink", **ink),
        svg.line((_x(0, wide), TOP), (_x(0, wide), HEIGHT - BOTTOM), "s-ink", **ink),
    ]
    for tick in svg.ticks_between(-wide, wide, 4):
        words = wording.percent(tick, signed=True, digits=0 if wide > 0.04 else 1)
        marks.append(
            svg.text(_x(tick, wide), HEIGHT - BOTTOM + 15, words, "c-muted", text_anchor="middle", size=11)
        )
    for tick in svg.ticks_between(-high, high, 4):
        words = wording.percent(tick, signed=True, digits=0 if high > 0.04 else 1)
        marks.append(svg.text(LEFT - 6, _y(tick, high) + 4, words, "c-muted", text_anchor="end", size=11))
    below = {"text_anchor": "end", "size": 11}
    marks.append(
        svg.text(
            WIDTH - RIGHT, HEIGHT - 6, "touchpoint: worse \u2190 change \u2192 better", "c-muted", **below
        )
    )
    marks.append(svg.text(LEFT + 6, TOP + 12, f"\u2191 {journey}", "c-muted", size=11))
    return marks


def _cross(spot: Spot, wide: float, high: float) -> list[Markup]:
    """Draw one touchpoint."""
    x, y = _x(spot.across[1], wide), _y(spot.up[1], high)
    color, css = svg.TONES[spot.tone], f"s-{spot.tone}"
    look = {"stroke": color, "stroke_width": 2, "stroke_opacity": 0.5}
    marks = [
        svg.line((_x(spot.across[0], wide), y), (_x(spot.across[2], wide), y), css, **look),
        svg.line((x, _y(spot.up[0], high)), (x, _y(spot.up[2], high)), css, **look),
    ]
    dot = {"cx": x, "cy": y, "r": 5.5, "class": f"f-{spot.tone} c-edge", "fill": color, "stroke": svg.PAPER}
    return [*marks, svg.element("circle", dot, svg.title(spot.sentence))]


def _name(spot: Spot, x: float, high: float, index: int) -> Markup:
    """Write a touchpoint's name towards the middle, one line each, since all share the journey's level."""
    up = spot.up[1] > 0
    y = _y(spot.up[0], high) + 18 + 15 * index if up else _y(spot.up[2], high) - 8 - 15 * index
    half = 3.6 * len(spot.name)
    middle = min(max(x, LEFT + half), WIDTH - RIGHT - half)
    look = {
        "text_anchor": "middle",
        "font_weight": 600,
        "stroke": svg.PAPER,
        "stroke_width": 3,
        "paint_order": "stroke",
    }
    return svg.text(middle, y, spot.name, "c-ink c-edge", **look)
