"""Job: look at the data of every project, and let go of what is older than the project keeps."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from abplat.domain.quality import Board
from abplat.errors import ConflictError
from abplat.jobs.context import JobContext, Outcome
from abplat.services import projects, quality


def run(context: JobContext, payload: dict[str, Any]) -> Outcome:  # noqa: ARG001  # the shape of all jobs
    """Make the data-quality board of all projects, after the retention they ask for."""
    now = context.clock()
    boards: dict[str, Board] = {}
    dropped = 0
    with context.sessions() as session:
        for project, keep in projects.list_retention(session).items():
            if keep is not None:
                dropped += _retain(context, project, (now - keep).date().isoformat())
            boards[project] = quality.make_board(session, context.lake, context.settings, project, now=now)

    def publish(session: Session) -> None:
        for project, board in boards.items():
            quality.keep_board(session, project, board, now=now)

    return Outcome(f"{dropped:,} old days let go" if dropped else "", publish)


def _retain(context: JobContext, project: str, first_day: str) -> int:
    """Let go of the days before a first one, and of what was derived from them; return how many days that were."""
    dropped = sum(_drop(context, project, kind, first_day) for kind in context.lake.kinds)
    if dropped:
        from abplat.facts.derived import DerivedStore  # noqa: PLC0415  rarely needed

        DerivedStore(context.lake.path(project, "touchpoint").parent).drop()
    return dropped


def _drop(context: JobContext, project: str, kind: str, first_day: str) -> int:
    """Let go of the old days of one table."""
    try:
        return context.lake.drop_before(project, kind, first_day)
    except ConflictError:
        return 0  # somebody writes; the next run looks again
