"""Bars over weeks, one lane for each, with the present day and what overlaps marked."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from markupsafe import Markup

from abplat.web.charts import svg

WIDTH: Final = 960.0
LEFT, RIGHT, TOP, LANE, BAR = 6.0, 6.0, 26.0, 30.0, 18.0
_WIDE_ENOUGH: Final = 6.2
"""Width of a letter of the labels."""


class Bar(NamedTuple):
    """One bar; ``ends`` is None where nobody knows when it ends."""

    title: str
    url: str
    begins: datetime
    ends: datetime | None
    tone: str
    is_planned: bool
    is_marked: bool
    hint: str


class Mark(NamedTuple):
    """Something that happened beside the bars."""

    number: int
    begins: datetime
    ends: datetime | None
    hint: str


class Range(NamedTuple):
    """What the picture shows."""

    since: datetime
    until: datetime
    now: datetime
    marks: tuple[Mark, ...] = ()

    def place(self, instant: datetime) -> float:
        """Return where an instant lies, at an edge if it is outside."""
        share = (instant - self.since) / (self.until - self.since)
        return LEFT + (WIDTH - LEFT - RIGHT) * min(max(share, 0.0), 1.0)


def draw(bars: Sequence[Bar], shown: Range, sentence: str) -> Markup:
    """Draw the bars from the first to the last."""
    height = TOP + LANE * len(bars) + 4
    marks = [*_draw_weeks(shown, height)]
    marks += [mark for each in shown.marks for mark in _draw_mark(each, shown, height)]
    for place, bar in enumerate(bars):
        marks += _draw_bar(bar, shown, TOP + LANE * place)
    return svg.figure((WIDTH, height), sentence, marks, "chart gantt")


def _draw_weeks(shown: Range, height: float) -> list[Markup]:
    """Draw a line for each month's first Monday, and one for today."""
    marks = []
    day = (shown.since + timedelta(days=(7 - shown.since.weekday()) % 7)).replace(
        hour=0, minute=0, second=0, microsecond=0
    )
    step = timedelta(weeks=max(1, round((shown.until - shown.since).days / 7 / 10)))
    while day < shown.until:
        x = shown.place(day)
        marks.append(svg.line((x, TOP - 6), (x, height), "s-line", stroke=svg.LINE))
        if x < WIDTH - 50:
            marks.append(svg.text(x + 3, 12, f"{day:%d %b}".lstrip("0"), "c-muted", size=11))
        day += step
    x = shown.place(shown.now)
    marks.append(
        svg.line(
            (x, TOP - 6),
            (x, height),
            "s-more",
            stroke=svg.TONES["more"],
            stroke_width=1.5,
            stroke_dasharray="3 3",
        )
    )
    return marks


def _draw_mark(mark: Mark, shown: Range, height: float) -> list[Markup]:
    """Draw what happened as a line, or as a shade while it lasted, behind the bars."""
    left, marks = shown.place(mark.begins), []
    if mark.ends is not None:
        size = max(shown.place(mark.ends) - left, 1.0), height - TOP
        marks.append(svg.rect(left, TOP, size, "f-warn", fill=svg.TONES["warn"], opacity=0.1, hint=mark.hint))
    look = {"stroke": svg.TONES["warn"], "stroke_width": 1, "stroke_dasharray": "4 3"}
    marks.append(svg.line((left, TOP - 4), (left, height), "s-warn", **look))
    name = svg.text(
        left, TOP - 5, str(mark.number), "f-warn", fill=svg.TONES["warn"], size=10, text_anchor="middle",
        font_weight=600,
    )  # fmt: skip
    return [*marks, svg.element("g", {}, svg.title(mark.hint), name)]


def _draw_bar(bar: Bar, shown: Range, top: float) -> list[Markup]:
    """Draw one bar with its name, inside where it fits, else beside it."""
    left, right = shown.place(bar.begins), shown.place(bar.ends or shown.until)
    width = max(right - left, 4.0)
    more: dict[str, str | float] = {
        "stroke": svg.TONES["bad"] if bar.is_marked else "none",
        "stroke_width": 2 if bar.is_marked else 0,
    }
    if bar.is_planned:
        more = {
            "stroke": svg.TONES["bad" if bar.is_marked else "calm"],
            "stroke_width": 1.5,
            "stroke_dasharray": "4 3",
        }
    css = f"g-{'planned' if bar.is_planned else bar.tone}{' s-bad' if bar.is_marked else ' s-calm' if bar.is_planned else ''}"
    fill = svg.TONES["zone"] if bar.is_planned or bar.tone == "over" else "#e3eefa"
    shape = svg.rect(left, top + 4, (width, BAR), css, rx=4, fill=fill, hint=bar.hint, **more)
    words = f"{'! ' if bar.is_marked else ''}{bar.title}"
    size = len(words) * _WIDE_ENOUGH
    x, anchor, room = left + 6, "start", width - 12
    if size > room:
        before, after = left - 12, WIDTH - right - 12
        x, anchor, room = (right + 6, "start", after) if after >= before else (left - 6, "end", before)
        if room < width - 12:
            x, anchor, room = left + 6, "start", width - 12
    most = max(int(room / _WIDE_ENOUGH), 3)
    shown_words = words if len(words) <= most else f"{words[: most - 1]}…"
    label = svg.text(x, top + 17, shown_words, "c-ink", size=11.5, text_anchor=anchor)
    return [svg.element("a", {"href": bar.url}, shape, label)]
