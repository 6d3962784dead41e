"""What the result page reads beside the report itself: earlier looks, what people did, similar experiments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, NamedTuple, Protocol

import msgspec
from sqlalchemy.orm import Session

from abplat.clock import parse_instant
from abplat.domain.quality import Board
from abplat.domain.report import Report
from abplat.domain.report_digest import ReportDigest, read_digest
from abplat.errors import NotFoundError
from abplat.services import history, quality, reports
from abplat.services.annotations import Happening, list_between
from abplat.services.history import Deed
from abplat.services.reports import Look

MOST_SIMILAR = 6
SAME_TIME = timedelta(days=3)


class Past(NamedTuple):
    """An experiment on the same journey, with what its latest report said."""

    document: Mapping[str, Any]
    digest: ReportDigest | None


class Record(NamedTuple):
    """The life of one experiment, as far as the result page tells it."""

    looks: Sequence[Look] = ()
    n_looks: int = 0
    deeds: Sequence[Deed] = ()
    similar: Sequence[Past] = ()
    board: Board | None = None
    """The data-quality board of the project; None where it is of another time than the report."""
    happenings: Sequence[Happening] = ()
    """What else happened meanwhile: releases, outages, campaigns."""


class RecordSource(Protocol):
    """Where the record of an experiment comes from."""

    def get_report(self, project: str, key: str, report_hash: str) -> tuple[bytes, str]:
        """Return the document and the hash of one report."""

    def read_record(self, project: str, key: str, report: Report) -> Record:
        """Return the life of an experiment."""


def get_report(session: Session, project: str, key: str, report_hash: str) -> tuple[bytes, str]:
    """Return the document and the hash of one report.

    Raises:
        NotFoundError: If there is no such report.
    """
    found = reports.find(session, project, key, report_hash)
    return found.document, found.hash


def read_record(
    session: Session, project: str, key: str, report: Report, others: Sequence[Mapping[str, Any]]
) -> Record:
    """Return the life of an experiment.

    Args:
        session: To read in.
        project: Key of the project.
        key: Key of the experiment.
        report: Its latest report.
        others: The experiments of the project, among which the similar ones are found.
    """
    looks, n_looks = reports.list_looks(session, project, key)
    return Record(
        looks=looks,
        n_looks=n_looks,
        deeds=history.list_deeds(session, project, key),
        similar=_list_similar(session, project, key, report.journey.key, others),
        board=_find_board(session, project, report),
        happenings=_list_happenings(session, project, report),
    )


def _find_board(session: Session, project: str, report: Report) -> Board | None:
    """Return the board where it was made about when the report was: an old report says nothing of today's data."""
    board = quality.find_board(session, project)
    if board is None or abs(parse_instant(board.made_at) - parse_instant(report.inputs.as_of)) > SAME_TIME:
        return None
    return board


def _list_happenings(session: Session, project: str, report: Report) -> list[Happening]:
    """Return what happened in the channels of an experiment from its start to the report."""
    facts, until = report.experiment, parse_instant(report.inputs.as_of)
    since = parse_instant(facts.started_at) if facts.started_at else until
    return list_between(session, project, since=since, until=until, channels=facts.channels or None)


def _list_similar(
    session: Session, project: str, key: str, journey: str, others: Sequence[Mapping[str, Any]]
) -> list[Past]:
    """Return the youngest experiments on the same journey that have been judged."""
    rows = [
        row for row in others if row.get("journey") == journey and row["key"] != key and row.get("started_at")
    ]
    rows.sort(key=lambda row: str(row["started_at"]), reverse=True)
    return [Past(row, _digest(session, project, row["key"])) for row in rows[:MOST_SIMILAR]]


def _digest(session: Session, project: str, key: str) -> ReportDigest | None:
    """Return the latest report in short."""
    try:
        return read_digest(reports.latest(session, project, key).document)
    except (NotFoundError, msgspec.DecodeError):
        return None
