"""When experiments are looked at without being asked: regularly, until their last customer is mature."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy.orm import Session

from abplat.clock import format_instant, parse_duration
from abplat.db.models.experiments import Experiment
from abplat.db.queries import experiments as queries
from abplat.db.queries import reports
from abplat.domain.experiments import ANALYSIS_ONLY
from abplat.services import jobs


class Due(NamedTuple):
    """An experiment that is to be analysed."""

    project: str
    key: str


def list_due(session: Session, now: datetime, every: timedelta) -> list[Due]:
    """Return the experiments whose last look, or else whose start, is long enough ago.

    A stopped experiment is looked at until all its customers are mature, and once after that.
    """
    looked = reports.last_looks(session)
    return [
        Due(row.project, row.key)
        for row in queries.list_all_started(session)
        if _is_due(row, looked.get((row.project, row.key)), now, every)
    ]


def _is_due(row: Experiment, looked: datetime | None, now: datetime, every: timedelta) -> bool:
    """Tell whether an experiment is due."""
    if row.started_at is None or row.plan is None or row.document.get("kind") == ANALYSIS_ONLY:
        return False
    last = looked or row.started_at
    if row.stopped_at is not None:
        horizon = parse_duration(row.plan["experiment"]["horizon"], "horizon")
        if last > row.stopped_at + horizon:
            return False
    return now - last >= every


def ask(session: Session, due: Sequence[Due], now: datetime) -> None:
    """Queue the analyses, all as of one instant: those of a project are then made with one reading."""
    as_of = format_instant(now)
    for each in due:
        payload = {"project": each.project, "experiment": each.key, "as_of": as_of}
        jobs.enqueue(session, "analyse", payload, key=f"{each.project}/{each.key}", now=now)
