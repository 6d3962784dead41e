"""Job: look at the events of a project for journeys and touchpoints that nobody has defined."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from abplat.domain.discoveries import Discovery
from abplat.facts.drain import Drain
from abplat.jobs.context import JobContext, Outcome
from abplat.services import discoveries


def run(context: JobContext, payload: dict[str, Any]) -> Outcome:
    """Look at the events of ``payload["project"]`` as they are now."""
    project = str(payload.get("project", ""))
    Drain(context.engine, context.lake).run_waiting()
    found = discover_project(context, project, context.clock())
    now = context.clock()

    def publish(session: Session) -> None:
        discoveries.store(session, found, now=now)

    proposed, unknown = len(found.proposals), len(found.unknown_touchpoints)
    return Outcome(f"{project}: {proposed} journeys proposed, {unknown} unknown touchpoints", publish)


def discover_project(
    context: JobContext, project: str, as_of: datetime, *, since: datetime | None = None, n: int = 3
) -> Discovery:
    """Look at the events of a project as of an instant."""
    from abplat.analysis.discovery import Known, discover  # noqa: PLC0415  slow to import

    with context.sessions() as session:
        known = discoveries.read_known(session, project)
    return discover(
        context.lake,
        project,
        as_of,
        context.settings,
        Known(known["touchpoints"], known["journeys"]),
        since=since,
        n_proposals=n,
    )
