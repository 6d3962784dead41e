"""A bar cut into parts: how the journeys of one arm ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from abplat.web import wording
from abplat.web.charts import svg

WIDTH, HEIGHT = 900.0, 32.0
FILLS = {
    "completed": "#1f66b0",
    "open": "#9fc1e6",
    "abandoned": "#d3d8de",
    "aborted": "#8a94a1",
    "superseded": "#b9a8d6",
    **{f"arm{index}": color for index, color in enumerate(svg.SERIES)},
}


@dataclass(frozen=True, slots=True)
class Part:
    """One piece of the bar."""

    key: str
    title: str
    share: float
    n: int


def draw(parts: Sequence[Part], name: str, what: str = "journeys") -> Markup:
    """Draw one bar; a part wide enough carries its share. ``what`` is counted; empty where nothing is."""
    sentence = f"{name}: " + ", ".join(
        f"{part.title.lower()} {wording.percent(part.share)}" for part in parts
    )
    marks, x = [], 0.0
    for part in parts:
        width = part.share * WIDTH
        counted = f"{wording.count(part.n)} {what}, " if what else ""
        hint = f"{part.title}: {counted}{wording.percent(part.share)}"
        fill = FILLS.get(part.key, FILLS["abandoned"])
        marks.append(svg.rect(x, 0, (width - 1.5, HEIGHT), f"f-{part.key}", rx=3, fill=fill, hint=hint))
        if width > 60:
            dark = part.key == "completed" or part.key.startswith("arm")
            look = {"fill": svg.PAPER if dark else svg.INK, "text_anchor": "middle", "font_weight": 600}
            css = "c-paper" if dark else "c-onbar"
            marks.append(svg.text(x + width / 2, HEIGHT / 2 + 4, wording.percent(part.share), css, **look))
        x += width
    return svg.figure((WIDTH, HEIGHT), sentence, marks, "chart")
