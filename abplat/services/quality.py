"""What can be done with the data-quality board: make it, keep it, read it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Final

import msgspec
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from abplat.clock import format_instant, to_micros
from abplat.config import Settings
from abplat.db.models.intake import failed_events
from abplat.db.models.quality import QualityBoard, arrivals
from abplat.db.queries import definitions, projects
from abplat.domain.catalogue import TOUCHPOINTS, Document
from abplat.domain.metric_history import DayMark
from abplat.domain.quality import DAYS, Arrival, Board, Refusal, judge_board, say_day
from abplat.errors import NotFoundError

if TYPE_CHECKING:
    from abplat.facts.lake import Lake  # the web process never loads it

_EPOCH: Final = date(1970, 1, 1)
_MOST_REFUSALS: Final = 50


def make_board(session: Session, lake: Lake, settings: Settings, project: str, *, now: datetime) -> Board:
    """Look at the data of the last four weeks."""
    from abplat.facts.engines.quality import count_volumes, find_strangers  # noqa: PLC0415  the worker's alone

    since = (now - timedelta(days=DAYS)).date()
    known = sorted(
        {str(row.document["event"]) for row in definitions.list_all(session, TOUCHPOINTS, project)}
    )
    board = Board(
        made_at=format_instant(now),
        volumes=tuple(count_volumes(lake, settings, project, since.isoformat())),
        arrivals=tuple(_list_arrivals(session, project, since)),
        refusals=tuple(_list_refusals(session, project, now - timedelta(days=DAYS))),
        strangers=tuple(find_strangers(lake, settings, project, since.isoformat(), known)),
    )
    return judge_board(board, now.date().isoformat())


def keep_board(session: Session, project: str, board: Board, *, now: datetime) -> None:
    """Keep a board instead of the one before."""
    session.merge(QualityBoard(project=project, made_at=now, document=msgspec.to_builtins(board)))


def find_board(session: Session, project: str) -> Board | None:
    """Return the last board; None where the worker has made none yet."""
    row = session.get(QualityBoard, project)
    return None if row is None else msgspec.convert(row.document, Board)


def get_board(session: Session, project: str) -> Document:
    """Return the last board.

    Raises:
        NotFoundError: If the worker has made none yet.
    """
    row = session.get(QualityBoard, project)
    if row is None:
        raise NotFoundError("there is no data-quality board yet; the worker makes one every hour")
    return dict(row.document)


def list_projects(session: Session) -> list[str]:
    """Return the keys of all projects."""
    return [row.key for row in projects.list_all(session)]


def list_marks(session: Session, project: str, first: str, last: str) -> Iterator[DayMark]:
    """Yield each day of a stretch on which events were refused, dropped or sent by a clock that goes wrong.

    Args:
        session: Where to read.
        project: Whose.
        first: The first day, such as 2026-03-01.
        last: The last one.
    """
    for arrival in _list_arrivals(session, project, date.fromisoformat(first)):
        if arrival.day <= last and (note := say_day(arrival)):
            yield DayMark(day=arrival.day, note=note)


def _list_arrivals(session: Session, project: str, since: date) -> list[Arrival]:
    """Return what the door counted, day by day."""
    query = select(arrivals).where(arrivals.c.project == project, arrivals.c.day >= (since - _EPOCH).days)
    days: dict[int, dict[str, int]] = {}
    for _, day, measure, n in session.execute(query.order_by(arrivals.c.day)):
        days.setdefault(day, {})[measure] = n
    return [
        msgspec.convert({**counts, "day": (_EPOCH + timedelta(days=day)).isoformat()}, Arrival)
        for day, counts in days.items()
    ]


def _list_refusals(session: Session, project: str, since: datetime) -> list[Refusal]:
    """Return why events were refused, the most frequent reason first."""
    query = (
        select(failed_events.c.code, func.count())
        .where(failed_events.c.project == project, failed_events.c.received_us >= to_micros(since))
        .group_by(failed_events.c.code)
    )
    counted = [(code, n) for code, n in session.execute(query)]
    counted.sort(key=lambda item: (-item[1], item[0]))
    return [Refusal(code=code, n=n) for code, n in counted[:_MOST_REFUSALS]]
