"""The experiments over weeks, by journey, layer or touchpoint, with a sentence on each pair that may collide."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Final, NamedTuple

from flask import Blueprint, render_template, url_for
from markupsafe import Markup

from abplat.domain.catalogue import JOURNEYS, LAYERS, TOUCHPOINTS
from abplat.domain.collisions import Span
from abplat.domain.lifecycle import HOLDING
from abplat.services import definitions, projects, timelines
from abplat.services.annotations import Happening, list_between
from abplat.web import wording
from abplat.web.annotation_words import say_happening
from abplat.web.charts import gantt
from abplat.web.filters import Choice, find_argument
from abplat.web.wording import Word
from abplat.web.writing import current_platform

AHEAD: Final = timedelta(weeks=8)
LENGTHS: Final = {"13": "the last 13 weeks", "26": "the last 26 weeks", "52": "the last year"}
GROUPS: Final = {"journey": "Journey", "touchpoint": "Touchpoint", "layer": "Layer"}
MOST_MARKS: Final = 40
"""Happenings that a picture marks, the youngest."""
_NOUNS: Final = {"journey": JOURNEYS, "touchpoint": TOUCHPOINTS, "layer": LAYERS}
_NONE: Final = {
    "journey": "No journey",
    "touchpoint": "At no touchpoint of the registry",
    "layer": "In no layer",
}


class Row(NamedTuple):
    """One experiment as a row of the table."""

    key: str
    title: str
    word: Word
    begins: str
    ends: str
    layer: str


class Lane(NamedTuple):
    """One group with its picture and its table."""

    title: str
    picture: Markup
    rows: tuple[Row, ...]
    sentences: tuple[str, ...]


def add_pages(pages: Blueprint) -> None:
    """Put the page under its address."""
    pages.add_url_rule("/projects/<project>/timeline", view_func=show_timeline)


def show_timeline(project: str) -> str:
    """Show what ran, runs and is planned."""
    weeks, by, journey = find_argument("weeks"), find_argument("by"), find_argument("journey")
    weeks, by = weeks if weeks in LENGTHS else "13", by if by in GROUPS else "journey"
    now = current_platform().clock()
    shown = gantt.Range(now - timedelta(weeks=int(weeks)), now + AHEAD, now)
    with current_platform().sessions() as session:
        title = projects.get(session, project).get("title") or project
        found = timelines.list_timeline(session, project, since=shown.since, until=shown.until, now=now)
        entries = definitions.load_entries(session, project)
        happenings = list_between(session, project, since=shown.since, until=shown.until)[-MOST_MARKS:]
    titles = {key: str(each.get("title") or key) for key, each in entries[_NOUNS[by]].items()}
    journeys = {key: str(each.get("title") or key) for key, each in entries[JOURNEYS].items()}
    spans = [span for span in found.spans if not journey or span.journey == journey]
    keys = {span.key for span in spans}
    collisions = [each for each in found.collisions if {each.first, each.second} <= keys]
    marked = {key: [each.sentence for each in collisions if key in (each.first, each.second)] for key in keys}
    return render_template(
        "timeline.html",
        project=project,
        project_title=title,
        lanes=_make_lanes(project, spans, by, titles, shown._replace(marks=_make_marks(happenings)), marked),
        happenings=[say_happening(each) for each in happenings],
        collisions=collisions,
        by=by,
        weeks=weeks,
        journey=journey,
        groups=[Choice(*each) for each in GROUPS.items()],
        lengths=[Choice(*each) for each in LENGTHS.items()],
        journeys=[Choice("", "any"), *(Choice(*each) for each in sorted(journeys.items()))],
    )


def _make_marks(happenings: Sequence[Happening]) -> tuple[gantt.Mark, ...]:
    """Number what else happened."""
    return tuple(
        gantt.Mark(number, each.starts, each.ends, say_happening(each))
        for number, each in enumerate(happenings, start=1)
    )


def _make_lanes(  # one picture out of all that is known
    project: str, spans: Sequence[Span], by: str, titles: Mapping[str, str], shown: gantt.Range,
    marked: Mapping[str, Sequence[str]],
) -> list[Lane]:  # fmt: skip
    """Gather the experiments by what they change."""
    groups: dict[str, list[Span]] = {}
    for span in spans:
        for key in _keys_of(span, by):
            groups.setdefault(key, []).append(span)
    return [
        _make_lane(project, titles.get(key, key) or _NONE[by], groups[key], shown, marked)
        for key in sorted(groups, key=lambda each: (each == "", titles.get(each, each)))
    ]


def _keys_of(span: Span, by: str) -> Sequence[str]:
    """Return the groups that an experiment belongs to."""
    if by == "touchpoint":
        return span.touchpoints or ("",)
    return (span.journey if by == "journey" else span.layer or "",)


def _make_lane(
    project: str, title: str, spans: Sequence[Span], shown: gantt.Range, marked: Mapping[str, Sequence[str]]
) -> Lane:
    """Draw one group."""
    bars = [_make_bar(project, span, is_marked=bool(marked[span.key])) for span in spans]
    sentences = tuple(dict.fromkeys(sentence for span in spans for sentence in marked[span.key]))
    collide = f", {len(sentences)} of their pairs may collide" if sentences else ", none of which collide"
    sentence = (
        f"{title}: {len(spans)} experiments from {shown.since:%Y-%m-%d} to {shown.until:%Y-%m-%d}{collide}."
    )
    return Lane(title, gantt.draw(bars, shown, sentence), tuple(map(_row, spans)), sentences)


def _make_bar(project: str, span: Span, *, is_marked: bool) -> gantt.Bar:
    """Make the bar of one experiment."""
    row = _row(span)
    return gantt.Bar(
        title=span.title,
        url=url_for("pages.show_experiment", project=project, key=span.key),
        begins=span.begins,
        ends=span.ends,
        tone="running" if span.state in HOLDING else "over",
        is_planned=span.is_planned,
        is_marked=is_marked,
        hint=f"{span.title}: {row.word.text.lower()}, {row.begins} to {row.ends}{'; may collide' if is_marked else ''}",
    )


def _row(span: Span) -> Row:
    """Say one experiment."""
    word = wording.say_word(wording.STATES, span.state)
    part = f" {span.slot.start}–{span.slot.end}" if span.slot else ""
    ends = f"{span.ends:%Y-%m-%d}" if span.ends else "no end planned"
    return Row(
        span.key,
        span.title,
        word,
        f"{span.begins:%Y-%m-%d}",
        ends,
        f"{span.layer}{part}" if span.layer else "none",
    )
