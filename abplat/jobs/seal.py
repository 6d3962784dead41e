"""Job: seal the days of the lake that fill no more, so that analyses read them as they are."""

from __future__ import annotations

from typing import Any

from abplat.clock import to_micros
from abplat.jobs.context import JobContext, Outcome


def run(context: JobContext, payload: dict[str, Any]) -> Outcome:
    """Seal what is due in all projects; ``payload["everything"]`` seals the days that still fill, too."""
    from abplat.facts.engines.duckdb import connect  # noqa: PLC0415  slow to import, and only a worker needs it
    from abplat.facts.sealing import seal_project  # noqa: PLC0415

    now_us = to_micros(context.clock())
    days = rows = 0
    for project in context.lake.projects():
        with connect(context.settings) as connection:
            done = seal_project(
                connection, context.lake, project, now_us, everything=bool(payload.get("everything"))
            )
        days, rows = days + done.days, rows + done.rows
    return Outcome(f"{days} days sealed, {rows:,} rows" if days else "")
