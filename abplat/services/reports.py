"""What can be done with reports: keep one, read one. They are made in ``abplat.analysis``."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple

import msgspec
from sqlalchemy.orm import Session

from abplat.clock import parse_instant
from abplat.db.models.reports import StoredReport
from abplat.db.queries import definitions
from abplat.db.queries import reports as queries
from abplat.domain.catalogue import EXPERIMENTS
from abplat.domain.report import Report, encode_report, hash_report
from abplat.domain.report_digest import ReportDigest, read_digest
from abplat.services import report_notices

MOST_LOOKS: Final = 40
"""Looks that a history shows; of more, evenly chosen ones."""


class Look(NamedTuple):
    """One analysis of an experiment: when it was made and what it said in short."""

    as_of: datetime
    created_at: datetime
    hash: str
    digest: ReportDigest


def store(session: Session, report: Report, *, now: datetime, inputs_key: str | None = None) -> StoredReport:
    """Keep a report, and tell of what is new in it; the same report again is kept once.

    Args:
        session: Session that the caller commits.
        report: The report.
        now: When it was made.
        inputs_key: Names all that it was made of (see ``abplat.analysis.report_key``), where that is known.
    """
    document = encode_report(report)
    digest = hash_report(document)
    recent = queries.list_(session, report.project, report.experiment.key, 1)
    if recent and recent[0].hash == digest:
        recent[0].inputs_key = inputs_key or recent[0].inputs_key
        return recent[0]
    row = StoredReport(
        project=report.project,
        experiment=report.experiment.key,
        as_of=parse_instant(report.inputs.as_of),
        created_at=now,
        hash=digest,
        document=document,
        inputs_key=inputs_key,
    )
    session.add(row)
    session.flush()
    report_notices.tell_of(session, report, recent[0].document if recent else None, now=now)
    return row


def get(session: Session, project: str, experiment: str) -> StoredReport:
    """Return the youngest report of an experiment.

    Raises:
        NotFoundError: If there is no such experiment, or no report of it yet.
    """
    definitions.get(session, EXPERIMENTS, project, experiment)
    return queries.latest(session, project, experiment)


def latest(session: Session, project: str, experiment: str) -> StoredReport:
    """Return the youngest report of an experiment, whether or not its definition is still there.

    Raises:
        NotFoundError: If there is no report of it.
    """
    return queries.latest(session, project, experiment)


def list_(session: Session, project: str, experiment: str, *, limit: int = 50) -> list[StoredReport]:
    """Return the reports of an experiment, youngest first."""
    definitions.get(session, EXPERIMENTS, project, experiment)
    return list(queries.list_(session, project, experiment, limit))


def find(session: Session, project: str, experiment: str, report_hash: str) -> StoredReport:
    """Return the report of this hash: it never changes, whatever is analysed later.

    Raises:
        NotFoundError: If the experiment has no such report.
    """
    return queries.find(session, project, experiment, report_hash)


def find_made(session: Session, project: str, experiment: str, inputs_key: str) -> StoredReport | None:
    """Return the report that was made of the same facts, definitions, instant and code, if any was."""
    return queries.find_made(session, project, experiment, inputs_key)


def list_looks(
    session: Session, project: str, experiment: str, *, most: int = MOST_LOOKS
) -> tuple[list[Look], int]:
    """Return the looks at an experiment, oldest first, and how many there were.

    Of more than ``most`` the first, the last and evenly chosen ones between are read; looks written by
    a version whose shape cannot be read any more are passed over.
    """
    rows = queries.list_instants(session, project, experiment)
    chosen = [rows[index][0] for index in choose_evenly(len(rows), most)]
    looks = []
    for row in queries.list_by_id(session, chosen):
        try:
            looks.append(Look(row.as_of, row.created_at, row.hash, read_digest(row.document)))
        except msgspec.DecodeError:
            continue
    return looks, len(rows)


def choose_evenly(n: int, most: int) -> Sequence[int]:
    """Return at most ``most`` places out of ``n``, the first and the last among them.

    Examples:
        >>> choose_evenly(3, 5), choose_evenly(100, 4)
        ([0, 1, 2], [0, 33, 66, 99])
    """
    if n <= most:
        return list(range(n))
    return sorted({round(index * (n - 1) / (most - 1)) for index in range(most)})
