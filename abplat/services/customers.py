"""What a customer may ask of us: a copy of everything that is kept, and its erasure.

A request is taken at once and done by the worker. When an erasure is done nothing old is left and nothing
new is kept, and a receipt says in numbers what was there. The receipt, the audit trail and the logs hold a pseudonym, never the id.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection, Engine
from sqlalchemy.orm import Session

from abplat.clock import to_micros
from abplat.config import Settings
from abplat.db.models.customer_requests import CustomerRequest
from abplat.db.queries import customer_requests as queries
from abplat.db.queries import definitions
from abplat.domain.catalogue import EXPERIMENTS, SEGMENTS, Document
from abplat.domain.fields import Fields
from abplat.domain.identities import fault_of_id
from abplat.services import audit, components, identities, jobs

if TYPE_CHECKING:
    from abplat.facts.lake import Lake  # the web process never loads it

ERASE: Final = "erase"
EXPORT: Final = "export"
KINDS: Final = (ERASE, EXPORT)
NOUN: Final = "customers"
KEEP_COPIES: Final = timedelta(days=1)
"""How long the copy of an export can be fetched."""
_LONGEST_REASON: Final = 1_000


def request(
    session: Session, project: str, kind: str, document: Mapping[str, Any], *, now: datetime
) -> Document:
    """Take a request and queue its work.

    Args:
        session: Session that the caller commits.
        project: Key of the project.
        kind: ``erase`` or ``export``.
        document: ``id`` and ``reason``.
        now: The present.

    Raises:
        InvalidInputError: With every fault of the document.
    """
    fields = Fields(document)
    typed_id, reason = fields.text("id", longest=256), fields.text("reason", longest=_LONGEST_REASON)
    if typed_id and (fault := fault_of_id(typed_id)):
        fields.fault("id", fault, "bad_id")
    fields.finish("request")
    connection = session.connection()
    subject = identities.pseudonym(connection, project, typed_id, now)
    row = CustomerRequest(
        id=_new_id(),
        project=project,
        kind=kind,
        state="queued",
        subject=subject,
        typed_id=typed_id,
        reason=reason,
        requested_by=str(session.info.get(audit.ACTOR, "system")),
        requested_at=now,
    )
    session.add(row)
    session.flush()
    audit.record(session, now, (project, kind, NOUN, subject), None, {"request": row.id, "reason": reason})
    jobs.enqueue(session, kind, {"project": project, "request": row.id}, key=f"{project}/{row.id}", now=now)
    return describe(row)


def get(session: Session, project: str, request_id: str) -> Document:
    """Return a request with its receipt, where it is done.

    Raises:
        NotFoundError: If the project has none of this id.
    """
    return describe(queries.get(session, project, request_id))


def get_copy(session: Session, project: str, request_id: str) -> str | None:
    """Return the copy that an export made, as JSON; None where there is none yet, or no longer."""
    return queries.get(session, project, request_id).document


def list_(session: Session, project: str, *, limit: int, before: str | None = None) -> list[Document]:
    """Return requests, the youngest first."""
    return [describe(row) for row in queries.list_(session, project, limit, before)]


def find_typed_id(session: Session, project: str, request_id: str) -> str | None:
    """Return whom a request is about; None where it is done."""
    return queries.get(session, project, request_id).typed_id


def finish(  # one record of what was done
    session: Session,
    project: str,
    request_id: str,
    receipt: Document,
    *,
    now: datetime,
    document: str | None = None,
) -> None:
    """Close a request: keep its receipt, forget whom it was about."""
    row = queries.get(session, project, request_id)
    if row.state == "done":
        return
    row.state, row.finished_at, row.receipt, row.typed_id = "done", now, receipt, None
    if row.kind == ERASE:
        queries.forget_documents_of(session, project, row.subject)
    row.document = document
    after = {"request": request_id, "receipt": receipt}
    audit.record(session, now, (project, f"{row.kind}d", NOUN, row.subject), None, after)


def forget_copies(session: Session, *, now: datetime) -> None:
    """Let go of the copies that are too old to be fetched."""
    queries.forget_documents(session, now - KEEP_COPIES)


def find_ids(
    engine: Engine, lake: Lake, settings: Settings, whose: tuple[str, str], now: datetime
) -> list[str]:
    """Return every id that belongs to the same customer, by the ledger and by the facts.

    A shared id belongs to nobody: of it only itself is returned.

    Args:
        engine: The database.
        lake: The facts.
        settings: What the engine may use.
        whose: Project and typed id.
        now: Links known until then count.
    """
    project, typed_id = whose
    groups = _read_groups(lake, settings, project, now)
    found: set[str] = set()
    waiting = {typed_id}
    with engine.connect() as connection:
        while waiting:
            found |= waiting
            waiting = {mate for each in waiting for mate in _mates(connection, groups, project, each)} - found
    return sorted(found)


def _mates(connection: Connection, groups: Mapping[str, set[str]], project: str, typed_id: str) -> set[str]:
    """Return the ids that one id is joined with."""
    standing = components.look_up(connection, project, (typed_id,))
    known = set() if standing.shared else set(standing.ids)
    return known | groups.get(typed_id, set())


def _read_groups(lake: Lake, settings: Settings, project: str, now: datetime) -> dict[str, set[str]]:
    """Return for every linked id the ids of its customer, by the rules of analyses."""
    from abplat.analysis.identity import resolve  # noqa: PLC0415  only the worker and commands come here
    from abplat.analysis.snapshot import Snapshot  # noqa: PLC0415

    as_of_us = to_micros(now)
    with Snapshot(lake, project, as_of_us, settings) as snapshot:
        names = resolve([], snapshot.aliases(), as_of_us).names()
    by_customer: dict[str, set[str]] = {}
    for typed_id, customer in names.items():
        by_customer.setdefault(customer, set()).add(typed_id)
    return {typed_id: by_customer[customer] for typed_id, customer in names.items()}


def find_definitions(session: Session, project: str, ids: list[str]) -> list[str]:
    """Return the definitions that name one of the ids; people wrote them, people have to change them."""
    named = []
    for noun in (SEGMENTS, EXPERIMENTS):
        for row in definitions.list_all(session, noun, project):
            named += [f"{noun}/{row.key}"] if _names(row.document, set(ids)) else []
    return named


def _names(document: Any, ids: set[str]) -> bool:
    """Tell whether a document names an id anywhere."""
    if isinstance(document, str):
        return document in ids
    if isinstance(document, Mapping):
        return any(_names(each, ids) for pair in document.items() for each in pair)
    return isinstance(document, list) and any(_names(each, ids) for each in document)


def describe(row: CustomerRequest) -> Document:
    """Return a request as it is shown: never with the id."""
    return {
        "id": row.id,
        "kind": row.kind,
        "state": row.state,
        "subject": row.subject,
        "reason": row.reason,
        "requested_by": row.requested_by,
        "requested_at": row.requested_at,
        "finished_at": row.finished_at,
        "receipt": row.receipt,
        "has_copy": row.document is not None,
    }


def _new_id() -> str:
    """Return an id that grows with time, so that the youngest can be listed first."""
    return f"{time.time_ns() // 1000:015x}{os.urandom(8).hex()}"
