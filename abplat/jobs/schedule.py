"""Job: start, open and stop experiments when their schedules say so.

It only looks; what is due is done in the transaction that calls the job done under a good lease,
where everything is looked at once more. So each step is taken exactly once, whoever dies when.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from abplat.clock import to_micros
from abplat.jobs.context import JobContext, Outcome
from abplat.services import schedules
from abplat.services.schedules import Sampled


def run(context: JobContext, payload: dict[str, Any]) -> Outcome:  # noqa: ARG001  # the shape of all jobs
    """Find what is due in all projects."""
    now = context.clock()
    with context.sessions() as session:
        sampled = schedules.list_sampled(session, now)
    samples = {(each.project, each.key): _count(context, each) for each in sampled}
    with context.sessions() as session:
        if not schedules.is_any_due(session, samples, now):
            return Outcome()
        due = schedules.list_due(session, samples, now)

    def publish(session: Session) -> None:
        schedules.run_due(session, samples, now=now)

    return Outcome(", ".join(due), publish)


def _count(context: JobContext, sampled: Sampled) -> int:
    """Count the customers of the smallest variant, or its groups where groups are drawn."""
    from abplat.facts.engines.duckdb import count_exposed  # noqa: PLC0415  slow to import, and rarely needed

    counts = count_exposed(
        context.lake,
        context.settings,
        (sampled.project, sampled.key),
        to_micros(sampled.counts_from),
        by_cluster=sampled.is_clustered,
    )
    return min(counts.get(variant, 0) for variant in sampled.variants)
