"""Job: merge the small files that many drains leave behind, and forget what is old."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from abplat.clock import to_micros
from abplat.errors import ConflictError
from abplat.facts.moments import prune_moments
from abplat.facts.tables import CODED
from abplat.jobs.context import JobContext, Outcome
from abplat.services import customers, planning

_FILES_PER_DAY = 4


def run(context: JobContext, payload: dict[str, Any]) -> Outcome:  # noqa: ARG001  # the shape of all jobs
    """Compact the tables whose days have become many files."""
    lake = context.lake
    # Days of other kinds are made whole by being sealed.
    tables = [(project, kind) for project in lake.projects() for kind in lake.kinds if kind not in CODED]
    fewer = sum(_compact(context, project, kind) for project, kind in tables)

    def publish(session: Session) -> None:
        prune_moments(session.connection(), to_micros(context.clock()))
        customers.forget_copies(session, now=context.clock())
        planning.forget_old(session, now=context.clock())

    return Outcome(f"{fewer:,} files fewer" if fewer else "", publish)


def _compact(context: JobContext, project: str, kind: str) -> int:
    """Compact a table that needs it; return how many files there are fewer."""
    files = context.lake.files(project, kind)
    days = {file.rpartition("/")[0] for file in files}
    if len(files) <= _FILES_PER_DAY * len(days):
        return 0
    try:
        return context.lake.compact(project, kind)
    except ConflictError:
        return 0  # somebody else has; the next run looks again
