"""The data-quality board: what is odd in words first, then the numbers behind it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from flask import Blueprint, render_template
from markupsafe import Markup

from abplat.clock import format_instant, from_micros
from abplat.domain.masking import MaskedEvent, mask_event, mask_message
from abplat.domain.quality import Arrival, Board, Volume
from abplat.domain.roles import ANALYST
from abplat.services import events, projects, quality
from abplat.web import wording
from abplat.web.charts import sparkline
from abplat.web.door import may
from abplat.web.writing import current_platform

_MOST_ROWS: Final = 200
_MOST_FAILED: Final = 25
KINDS: Final = {
    "touchpoints": "touchpoints",
    "exposures": "exposures",
    "aliases": "joins of identities",
    "scores": "answers",
}


class Source(NamedTuple):
    """All facts of one kind and channel."""

    title: str
    kind: str
    n: str
    picture: Markup
    late: str
    repeated: str
    early: str
    slowest: str
    last: str


class Refused(NamedTuple):
    """One event that was refused, as it may be shown."""

    at: str
    code: str
    message: str
    event: MaskedEvent


def add_pages(pages: Blueprint) -> None:
    """Put the page under its address."""
    pages.add_url_rule("/projects/<project>/quality", view_func=show_quality)


def show_quality(project: str) -> str:
    """Show how the data of a project are."""
    with current_platform().sessions() as session:
        owner = projects.get(session, project)
        board = quality.find_board(session, project)
        failed = _list_refused(session, project) if may(ANALYST, project) else None
    return render_template(
        "quality.html",
        project=project,
        project_title=owner.get("title") or project,
        board=board,
        sources=list_sources(board.volumes) if board else (),
        arrivals=board.arrivals if board else (),
        doors=_draw_doors(board) if board else (),
        failed=failed,
    )


def list_sources(volumes: Sequence[Volume]) -> list[Source]:
    """Return what came, by kind and channel, with a line over the days."""
    days = sorted({volume.day for volume in volumes})
    found: dict[tuple[str, str], dict[str, Volume]] = {}
    for volume in volumes:
        found.setdefault((volume.channel, volume.kind), {})[volume.day] = volume
    return [_describe(place, by_day, days) for place, by_day in sorted(found.items())[:_MOST_ROWS]]


def _describe(place: tuple[str, str], by_day: dict[str, Volume], days: Sequence[str]) -> Source:
    """Describe what came of one kind from one channel."""
    channel, kind = place
    total = sum(volume.n for volume in by_day.values())
    counts = [by_day[day].n if day in by_day else 0 for day in days]
    title = wording.humanise(channel) if channel else "No channel named"
    sentence = (
        f"{title}, {KINDS.get(kind, kind)} a day from {days[0]} to {days[-1]}: "
        f"between {wording.count(min(counts))} and {wording.count(max(counts))}, at last {wording.count(counts[-1])}."
    )
    return Source(
        title=title,
        kind=KINDS.get(kind, kind),
        n=wording.count(total),
        picture=sparkline.draw(counts, sentence),
        late=_share(sum(volume.late for volume in by_day.values()), total),
        repeated=_share(sum(volume.repeated for volume in by_day.values()), total),
        early=_share(sum(volume.early for volume in by_day.values()), total),
        slowest=wording.duration(max(0.0, *(volume.p99_late_s for volume in by_day.values()))),
        last=max(by_day),
    )


def _share(n: int, total: int) -> str:
    """Say how many, and of how many."""
    return f"{wording.count(n)} ({wording.percent(n / total)})" if n and total else "none"


def _draw_doors(board: Board) -> list[tuple[str, str, Markup]]:
    """Draw what the door counted, one line for each thing that it counts."""
    names = {
        "accepted": "Taken", "duplicates": "Sent more than once", "refused": "Refused",
        "dropped": "Dropped by SDKs", "skewed": "Batches of wrong clocks",
    }  # fmt: skip
    return [_draw_door(board.arrivals, name, title) for name, title in names.items() if board.arrivals]


def _draw_door(arrivals: Sequence[Arrival], name: str, title: str) -> tuple[str, str, Markup]:
    """Draw one thing that the door counts."""
    ordered: list[Any] = sorted(arrivals, key=lambda each: each.day)
    counts = [getattr(each, name) for each in ordered]
    total = wording.count(sum(counts))
    sentence = f"{title}, a day from {ordered[0].day} to {ordered[-1].day}: {total} in all, {wording.count(counts[-1])} at last."
    return title, total, sparkline.draw(counts, sentence)


def _list_refused(session: Any, project: str) -> list[Refused]:
    """Return the youngest events that were refused; without what tells whom they were about."""
    rows = events.list_failed(session, project, limit=_MOST_FAILED, before=None)
    return [
        Refused(
            wording.instant(format_instant(from_micros(row.received_us))),
            row.code,
            mask_message(row.message),
            mask_event(row.body),
        )
        for row in rows
    ]
