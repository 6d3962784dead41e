"""Job: ask for the analyses that are due, all of a project as of one instant.

They are done by the job ``analyse``, which reads the facts of a project once for all that wait.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy.orm import Session

from abplat.jobs.context import JobContext, Outcome
from abplat.services import looks


def run(context: JobContext, payload: dict[str, Any]) -> Outcome:  # noqa: ARG001  # the shape of all jobs
    """Find the experiments whose last look is long enough ago, and queue their analyses."""
    hours = context.settings.look_every_hours
    if hours <= 0:
        return Outcome()
    now = context.clock()
    with context.sessions() as session:
        due = looks.list_due(session, now, timedelta(hours=hours))
    if not due:
        return Outcome()

    def publish(session: Session) -> None:
        looks.ask(session, due, now)

    return Outcome(f"{len(due)} to analyse", publish)
