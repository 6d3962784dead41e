"""A histogram: how often a number falls between two bounds, for one or more arms side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from abplat.web import wording
from abplat.web.charts import svg

WIDTH, HEIGHT = 720.0, 220.0
LEFT, RIGHT, TOP, BOTTOM = 48.0, 12.0, 28.0, 34.0


@dataclass(frozen=True, slots=True)
class Series:
    """The heights of one arm, one per bin."""

    name: str
    heights: tuple[float, ...]


def draw(edges: Sequence[str], series: Sequence[Series], unit: str, sentence: str) -> Markup:
    """Draw the bars of every bin; ``edges`` has the words of each bound, one more than there are bins."""
    top = max((height for each in series for height in each.heights), default=0.0) or 1.0
    bins = len(edges) - 1
    width = (WIDTH - LEFT - RIGHT) / max(bins, 1)
    marks = _axes(edges, unit, top, width)
    for index, each in enumerate(series):
        slot = (width - 4) / len(series)
        for place, height in enumerate(each.heights[:bins]):
            size = (slot - 1, (HEIGHT - TOP - BOTTOM) * height / top)
            x = LEFT + place * width + 2 + index * slot
            words = f"{each.name}, {edges[place]} to {edges[place + 1]} {unit}: {wording.percent(height)}"
            look = {"fill": svg.SERIES[index % 5], "opacity": 0.85, "hint": words, "rx": 2}
            marks.append(svg.rect(x, HEIGHT - BOTTOM - size[1], size, f"f-arm{index % 5}", **look))
    return svg.figure((WIDTH, HEIGHT), sentence, [*marks, *_key(series)], "chart wide")


def _axes(edges: Sequence[str], unit: str, top: float, width: float) -> list[Markup]:
    """Draw the grid and the words of both axes."""
    marks = []
    for tick in svg.ticks_between(0, top, 4):
        y = HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * tick / top
        marks.append(svg.line((LEFT, y), (WIDTH - RIGHT, y), "s-line", stroke=svg.LINE, stroke_width=1))
        words = wording.percent(tick, digits=0 if top > 0.05 else 1)
        marks.append(svg.text(LEFT - 8, y + 4, words, "c-muted", text_anchor="end"))
    step = max(1, round(56 / width)) if width else 1
    for place in range(0, len(edges), step):
        words = f"{edges[place]} {unit}" if place == 0 else edges[place]
        anchor = "start" if place == 0 else "middle"
        x = LEFT + place * width
        marks.append(svg.text(x, HEIGHT - BOTTOM + 18, words, "c-muted", text_anchor=anchor, size=11))
    return marks


def _key(series: Sequence[Series]) -> list[Markup]:
    """Name the arms above the bars."""
    marks, x = [], LEFT
    for index, each in enumerate(series):
        name = each.name if len(each.name) <= 28 else each.name[:27] + "\u2026"
        marks.append(svg.rect(x, 4, (10, 10), f"f-arm{index % 5}", rx=2, fill=svg.SERIES[index % 5]))
        marks.append(svg.text(x + 15, 13, name, "c-ink"))
        x += 34 + 7 * len(name)
    return marks
