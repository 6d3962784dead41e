"""Frozen reports: store what an analysis found, hand it out to pages, API and exports."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from abplat.clock import parse_instant
from abplat.db.models.reports import StoredReport
from abplat.db.queries import reports as queries
from abplat.domain.report import Report, decode_report, encode_report, hash_report
from abplat.errors import NotFoundError


def store_report(session: Session, report: Report, *, now: datetime) -> StoredReport:
    """Keep a Report under the hash of its bytes; the same Report is kept once."""
    document = encode_report(report)
    stored = StoredReport(
        project=report.project,
        experiment=report.experiment.key,
        as_of=parse_instant(report.inputs.as_of, "as_of"),
        created_at=now,
        hash=hash_report(document),
        document=document,
    )
    return queries.add(session, stored)


def get_report(session: Session, project: str, experiment: str, *, as_of: datetime | None = None) -> Report:
    """Return the latest Report of an experiment, or the latest one up to an instant.

    Raises:
        NotFoundError: If the experiment has not been analysed.
    """
    return decode_report(get_stored_report(session, project, experiment, as_of=as_of).document)


def get_stored_report(
    session: Session, project: str, experiment: str, *, as_of: datetime | None = None
) -> StoredReport:
    """Return the same with its hash and bytes, for whoever hands the document on as it is.

    Raises:
        NotFoundError: If the experiment has not been analysed.
    """
    found = queries.find_latest(session, project, experiment, as_of)
    if found is None:
        message = f"experiment {experiment!r} has no report yet; analyse it with 'abplat analyse'"
        raise NotFoundError(message)
    return found


def find_report(session: Session, project: str, experiment: str) -> Report | None:
    """Return the latest Report of an experiment, or None before the first analysis."""
    found = queries.find_latest(session, project, experiment)
    return None if found is None else decode_report(found.document)


def list_reports(session: Session, project: str) -> list[Report]:
    """Return the latest Report of every experiment of a project that has one."""
    return [decode_report(stored.document) for stored in queries.list_latest(session, project)]
