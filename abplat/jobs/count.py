"""Job: count the journeys of the last weeks by a definition that somebody looks at."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from abplat.clock import to_micros
from abplat.facts.drain import Drain
from abplat.jobs.context import JobContext, Outcome
from abplat.services import journey_counts


def run(context: JobContext, payload: dict[str, Any]) -> Outcome:
    """Count by ``payload["digest"]`` of ``payload["project"]``, with every event acknowledged before."""
    from abplat.analysis.journey_counts import count_journeys  # noqa: PLC0415  slow to import

    project, digest = str(payload.get("project", "")), str(payload.get("digest", ""))
    with context.sessions() as session:
        asked = journey_counts.get_asked(session, project, digest, payload.get("options") or {})
    Drain(context.engine, context.lake).run_waiting()
    now = context.clock()
    counts = count_journeys(context.lake, project, asked, to_micros(now), context.settings)

    def publish(session: Session) -> None:
        journey_counts.finish(session, project, digest, counts, now=context.clock())

    return Outcome(f"{counts.n_journeys:,} journeys, {counts.n_completed:,} completed", publish)
