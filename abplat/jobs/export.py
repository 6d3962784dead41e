"""Job: make the copy of everything that is kept of a person."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy.orm import Session

from abplat.clock import format_instant
from abplat.facts.disclosure import disclose
from abplat.facts.drain import Drain
from abplat.jobs.context import JobContext, Outcome
from abplat.services import customers


def run(context: JobContext, payload: dict[str, Any]) -> Outcome:
    """Do the export ``payload["request"]`` of ``payload["project"]``; the intake is drained first."""
    project, request_id = str(payload["project"]), str(payload["request"])
    with context.sessions() as session:
        typed_id = customers.find_typed_id(session, project, request_id)
    if typed_id is None:
        return Outcome()
    Drain(context.engine, context.lake).run_waiting()
    now, whose = context.clock(), (project, typed_id)
    ids = customers.find_ids(context.engine, context.lake, context.settings, whose, now)
    found = disclose(context.engine, context.lake, context.settings, project, ids)
    document = {"project": project, "made_at": format_instant(now), "ids": ids, **found}
    text = msgspec.json.encode(document).decode()
    counts = {name: len(rows) for name, rows in found.items()}
    receipt = {"ids": len(ids), "rows": counts, "still_named_in": []}

    def publish(session: Session) -> None:
        customers.finish(session, project, request_id, receipt, now=context.clock(), document=text)

    return Outcome(f"{sum(counts.values()):,} rows copied", publish)
