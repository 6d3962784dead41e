"""The waterfall of links: from the completion of control to that of the variant, link by link."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from abplat.web import wording
from abplat.web.charts import svg

WIDTH, HEIGHT, PAD = 360.0, 34.0, 10.0


@dataclass(frozen=True, slots=True)
class Step:
    """One link: where the running total stood before and after it, with the interval of the step."""

    before: float
    after: float
    lower: float | None = None
    upper: float | None = None


@dataclass(frozen=True, slots=True)
class Scale:
    """The part of the completion rate that the waterfall shows; it need not start at zero."""

    lower: float
    upper: float

    def x(self, value: float) -> float:
        """Return where a rate lies."""
        share = (value - self.lower) / (self.upper - self.lower)
        return PAD + min(max(share, 0.0), 1.0) * (WIDTH - 2 * PAD)


def scale_of(start: float, steps: list[Step]) -> Scale:
    """Fit one scale to all running totals and their intervals."""
    values = [start]
    for step in steps:
        values += [step.before, step.after]
        values += [step.before + bound for bound in (step.lower, step.upper) if bound is not None]
    lower, upper = min(values), max(values)
    pad = 0.08 * (upper - lower) or 0.05
    return Scale(lower - pad, upper + pad)


def draw_total(scale: Scale, rate: float, start: float, sentence: str) -> Markup:
    """Draw the first or last row: a line down the level of an arm."""
    x, origin = scale.x(rate), scale.x(start)
    guide = {"stroke": svg.LINE, "stroke_width": 1}
    marks = [svg.line((origin, 0), (origin, HEIGHT), "s-line", **guide)]
    marks.append(svg.rect(x - 3, 5, (6, HEIGHT - 10), "f-control", rx=3, fill=svg.CONTROL, hint=sentence))
    words = wording.percent(rate)
    anchor, dx = ("end", -9) if x > WIDTH * 0.7 else ("start", 9)
    marks.append(svg.text(x + dx, HEIGHT / 2 + 4, words, "c-ink", text_anchor=anchor, font_weight=600))
    return svg.figure((WIDTH, HEIGHT), sentence, marks, "bar")


def draw_step(scale: Scale, step: Step, start: float, sentence: str) -> Markup:
    """Draw one link as a bar from the total before it to the total after it."""
    tone = "more" if step.after >= step.before else "fewer"
    left, right = sorted((scale.x(step.before), scale.x(step.after)))
    middle, color = HEIGHT / 2, svg.TONES[tone]
    origin = scale.x(start)
    marks = [svg.line((origin, 0), (origin, HEIGHT), "s-line", stroke=svg.LINE, stroke_width=1)]
    size = (max(right - left, 1.5), 14.0)
    marks.append(svg.rect(left, middle - 7, size, f"f-{tone}", rx=2, fill=color, opacity=0.75, hint=sentence))
    marks.extend(_whisker(scale, step))
    return svg.figure((WIDTH, HEIGHT), sentence, marks, "bar")


def _whisker(scale: Scale, step: Step) -> list[Markup]:
    """Draw the interval of a link around the end of its bar."""
    if step.lower is None or step.upper is None:
        return []
    middle = HEIGHT / 2
    left, right = scale.x(step.before + step.lower), scale.x(step.before + step.upper)
    ink = {"stroke": svg.INK, "stroke_width": 1.25}
    ends = [svg.line((x, middle - 4), (x, middle + 4), "s-ink", **ink) for x in (left, right)]
    return [svg.line((left, middle), (right, middle), "s-ink", **ink), *ends]
