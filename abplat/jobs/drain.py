"""Job: move what waits in the intake to the lake, then bring the read models of customers up to date."""

from __future__ import annotations

from typing import Any

from abplat.facts.drain import Drain
from abplat.facts.read_models import feed_read_models
from abplat.jobs.context import JobContext, Outcome

# Other jobs wait while this one runs, so it stops now and then though there is more.
_ROWS_OF_ONE_RUN = 400_000
_READ_MODEL_ROWS_OF_ONE_RUN = 50_000


def run(context: JobContext, payload: dict[str, Any]) -> Outcome:
    """Drain all projects."""
    drain = Drain(context.engine, context.lake)
    moved = drain.run() if payload.get("everything") else drain.run_waiting(_ROWS_OF_ONE_RUN)
    feed_read_models(context.engine, _READ_MODEL_ROWS_OF_ONE_RUN)
    return Outcome(f"{moved:,} {'row' if moved == 1 else 'rows'}" if moved else "")
