"""A small line without axes, for a place inside a sentence or a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from markupsafe import Markup

from abplat.web.charts import svg

WIDTH, HEIGHT = 96.0, 24.0


def draw(values: Sequence[float], sentence: str, odd: Mapping[int, str] | None = None) -> Markup:
    """Draw the values from left to right and mark the last one.

    Args:
        values: From left to right.
        sentence: What the line says.
        odd: Places that are marked as doubtful, each with why.
    """
    low, high = min(values, default=0.0), max(values, default=1.0)
    width = (high - low) or 1.0
    step = (WIDTH - 8) / max(len(values) - 1, 1)
    spots = [
        (4 + step * i, HEIGHT - 4 - (value - low) / width * (HEIGHT - 8)) for i, value in enumerate(values)
    ]
    marks = []
    if spots:
        d = "M" + "L".join(f"{svg.num(x)} {svg.num(y)}" for x, y in spots)
        marks.append(svg.path(d, "s-more", fill="none", stroke=svg.TONES["more"], stroke_width=1.5))
        dot = {"cx": spots[-1][0], "cy": spots[-1][1], "r": 2.5, "class": "f-more", "fill": svg.TONES["more"]}
        marks.append(svg.element("circle", dot))
    for place, why in (odd or {}).items():
        x, y = spots[place]
        ring = {"cx": x, "cy": y, "r": 2, "class": "f-warn", "fill": svg.TONES["warn"]}
        marks.append(svg.element("circle", ring, svg.title(why)))
    return svg.figure((WIDTH, HEIGHT), sentence, marks, "spark")
