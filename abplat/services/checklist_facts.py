"""What the platform knows from data about an experiment that is to start."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final, cast

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from abplat.clock import format_instant
from abplat.db.models.experiments import Experiment
from abplat.db.models.identities import IdentityJoin
from abplat.db.models.plans import StoredPlan
from abplat.db.queries import definitions as queries
from abplat.db.queries import reports as report_queries
from abplat.db.queries import setups as setup_queries
from abplat.domain.catalogue import EXPERIMENTS, SEGMENTS, Document
from abplat.domain.checklist_facts import JOINS_SINCE, MOST_JOINS, Joins, SameTest
from abplat.domain.experiments import AA
from abplat.domain.plan_answers import decode_answer
from abplat.domain.report import Report, decode_report
from abplat.services import plan_prints

_LOOKED_AT: Final = 10
"""Youngest reports that are asked for the share of identified customers."""


def find_joins(session: Session, project: str, now: datetime) -> Joins:
    """Return how well the ids of a project are joined."""
    joined = select(IdentityJoin.anonymous).where(
        IdentityJoin.project == project, IdentityJoin.outcome == "joined"
    )
    recent = joined.where(IdentityJoin.joined_at >= now - JOINS_SINCE).limit(MOST_JOINS).subquery()
    n_recent = session.scalar(select(func.count()).select_from(recent)) or 0
    is_any = bool(n_recent) or session.scalar(joined.limit(1)) is not None
    share, experiment = _find_share(session, project)
    return Joins(n_recent, is_any, share, experiment)


def _find_share(session: Session, project: str) -> tuple[float | None, str]:
    """Return the share of customers that were identified, by the youngest report that says so."""
    rows = sorted(report_queries.list_youngest(session, project), key=lambda row: row.as_of, reverse=True)
    for row in rows[:_LOOKED_AT]:
        share = next(_list_identified(decode_report(row.document)), None)
        if share is not None:
            return share, row.experiment
    return None, ""


def _list_identified(report: Report) -> Iterator[float]:
    """Yield which share of control was identified, where a report says so."""
    for check in report.identity.merges if report.identity else ():
        if check.measure == "share_identified" and check.control_value is not None:
            yield check.control_value


def find_same_test(session: Session, project: str, unit_type: str) -> SameTest | None:
    """Return what the youngest report of an A/A test on a type of unit says."""
    rows = cast("list[Experiment]", queries.list_all(session, EXPERIMENTS, project))
    keys = {row.key for row in rows if row.document["kind"] == AA and row.document["unit_type"] == unit_type}
    found = [row for row in report_queries.list_youngest(session, project) if row.experiment in keys]
    if not found:
        return None
    youngest = max(found, key=lambda row: row.as_of)
    codes = [verdict.code for verdict in decode_report(youngest.document).verdicts]
    worst = next((code for code in codes if code == "not_trusted"), codes[0] if codes else "extend")
    return SameTest(youngest.experiment, worst, format_instant(youngest.as_of))


def find_no_traffic(session: Session, row: Experiment) -> str:
    """Say why nobody, or not enough people, can take part; nothing where nothing is known against it."""
    return _find_empty_segment(session, row) or _find_too_few(session, row)


def _find_empty_segment(session: Session, row: Experiment) -> str:
    """Say that the audience has no members."""
    rule: Document | None = row.document["targeting"]
    if not rule or rule.get("op") != "in_segment":
        return ""
    segment = queries.find(session, SEGMENTS, row.project, str(rule.get("value")))
    if segment is None or segment.document.get("members") != []:
        return ""
    return f"The audience {segment.key} has no members: nobody takes part."


def _find_too_few(session: Session, row: Experiment) -> str:
    """Say that the last plan, if it speaks of the experiment as it is now, has found too little traffic."""
    setup = setup_queries.find_of(session, row.project, row.key)
    if setup is None or setup.plan is None or setup.planned != plan_prints.take(session, row):
        return ""
    stored = session.get(StoredPlan, setup.plan)
    answer = decode_answer(stored.answer) if stored is not None and stored.answer else None
    if answer is None or answer.size is None or answer.run_time is not None:
        return ""
    return (
        f"The plan needs {answer.size.n_units:,} customers, and so many do not come in within "
        f"{len(answer.weeks) or 12} weeks."
    )
