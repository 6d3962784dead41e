"""Job: erase a person, everywhere and for good."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from abplat.db.engine import writing
from abplat.facts.drain import Drain
from abplat.facts.erasure import erase_facts, find_suppressed, scrub
from abplat.facts.suppression import read_copy, reconcile, suppress
from abplat.jobs.context import JobContext, Outcome
from abplat.services import customers


def run(context: JobContext, payload: dict[str, Any]) -> Outcome:
    """Do the erasure ``payload["request"]`` of ``payload["project"]``.

    The order matters: the first drain brings in every link that tells which ids are the person's; they are
    suppressed before the second, so that nothing can follow what is deleted after it. Without a request everybody is erased again whom a restored backup brought back.
    """
    project, request_id = str(payload["project"]), payload.get("request")
    if request_id is None:
        return _erase_again(context, project)
    with context.sessions() as session:
        typed_id = customers.find_typed_id(session, project, str(request_id))
    if typed_id is None:  # killed between the receipt and the scrubbing
        scrub(context.engine)
        return Outcome()
    receipt = _erase(context, project, typed_id)
    # Not left to the runner: the id itself must be gone from the database before the file is written anew.
    with Session(writing(context.engine)) as session, session.begin():
        customers.finish(session, project, str(request_id), receipt, now=context.clock())
    scrub(context.engine)
    return Outcome(f"{sum(receipt['rows'].values()):,} rows erased")


def _erase(context: JobContext, project: str, typed_id: str) -> dict[str, Any]:
    """Erase everything that belongs to the customer of an id, and return the receipt."""
    drain = Drain(context.engine, context.lake)
    drain.run_waiting()
    whose = project, typed_id
    ids = customers.find_ids(context.engine, context.lake, context.settings, whose, context.clock())
    with writing(context.engine).begin() as connection:
        suppress(connection, context.lake, project, ids)
    drain.run_waiting()
    rows = erase_facts(context.engine, context.lake, project, ids)
    with context.sessions() as session:
        named = customers.find_definitions(session, project, ids)
    return {"ids": len(ids), "rows": rows, "still_named_in": named}


def _erase_again(context: JobContext, project: str) -> Outcome:
    """Erase whoever was erased before and is there again."""
    reconcile(context.engine, context.lake, project)
    suppression = read_copy(context.lake, project)
    if suppression is None:
        return Outcome()
    Drain(context.engine, context.lake).run_waiting()
    found = find_suppressed(context.engine, context.lake, context.settings, project, suppression)
    if found:
        erase_facts(context.engine, context.lake, project, found)
        scrub(context.engine)
    return Outcome(f"{len(found):,} ids came back and were erased again" if found else "")
