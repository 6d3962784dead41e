"""The gate that every action on an experiment passes, whoever calls for it: page, API, file or schedule.

An approved request lets one action through, once, as long as what it was approved for is still the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from abplat.db.models.approvals import ApprovalRequest
from abplat.db.models.experiments import Experiment
from abplat.db.queries import audit as audit_queries
from abplat.db.queries import projects
from abplat.domain.approvals import (
    APPROVED,
    DONE,
    GUARDRAILS,
    MEANINGS,
    OPEN,
    RAMP,
    START,
    STOP,
    WAITING,
    WEIGHTS,
    WITHDRAWN,
    list_guardrails,
    take_fingerprint,
)
from abplat.domain.catalogue import EXPERIMENTS, Document
from abplat.domain.lifecycle import DRAFT, HOLDING, UNSTARTED
from abplat.errors import ApprovalNeededError
from abplat.services import audit, plans

NOUN: Final = "approvals"


def is_required(session: Session, project: str, action: str) -> bool:
    """Tell whether a project wants a second person for an action."""
    return action in required_actions(session, project)


def required_actions(session: Session, project: str) -> tuple[str, ...]:
    """Return the actions for which a project wants a second person."""
    return tuple((projects.get(session, project).approvals or {}).get("required", ()))


def pass_gate(session: Session, row: Experiment, action: str, body: Mapping[str, Any], now: datetime) -> None:
    """Let an action through if it needs no approval, or has one; that one is then used up.

    Raises:
        ApprovalNeededError: If it has none, saying how to get one.
    """
    if not is_required(session, row.project, action):
        return
    fingerprint = fingerprint_of(session, row, action, body)
    waiting = list_waiting(session, row, action)
    for request in waiting:
        if request.state == APPROVED and request.fingerprint == fingerprint:
            request.state, request.changed_at = DONE, now
            session.flush()
            return
    raise ApprovalNeededError(_explain(row.key, action, waiting))


def pass_guardrails(session: Session, row: Experiment, definition: Document, now: datetime) -> None:
    """Let a change of guardrails through; a draft that was never checked may change as it likes.

    Raises:
        ApprovalNeededError: If it needs an approval that it has not.
    """
    guardrails = list_guardrails(definition)
    if guardrails == list_guardrails(row.document):
        return
    if row.state == DRAFT and not audit_queries.has_verb(session, row.project, EXPERIMENTS, row.key, "check"):
        return
    pass_gate(session, row, GUARDRAILS, {"guardrails": guardrails}, now)


def renew(session: Session, row: Experiment, now: datetime, author: str | None = None) -> None:
    """Reset the requests of an experiment that has changed: whoever approved has seen something else.

    Args:
        session: Where to write.
        row: The experiment.
        now: The present instant.
        author: Who made the change: they become an author, so that nobody approves a change of their own.
    """
    for request in list_waiting(session, row):
        present = present_fingerprint(session, row, request)
        if present == request.fingerprint:
            continue
        before = request.state
        request.fingerprint = present
        request.authors = list(dict.fromkeys([*request.authors, *([author] if author else [])]))
        request.state, request.changed_at = OPEN, now
        request.decided_by = request.decision_note = None
        session.flush()
        if before == APPROVED:
            what = (row.project, "reset", NOUN, str(request.id))
            audit.record(session, now, what, before={"state": before}, after={"state": OPEN})


def drop_impossible(session: Session, row: Experiment, now: datetime) -> None:
    """Take back the requests that the new state of an experiment leaves without a meaning."""
    possible: tuple[str, ...] = (START, GUARDRAILS) if row.state in UNSTARTED else ()
    if row.state in HOLDING:
        possible = (STOP, WEIGHTS, RAMP, GUARDRAILS)
    for request in list_waiting(session, row):
        if request.action not in possible:
            request.state, request.changed_at = WITHDRAWN, now
    session.flush()


def fingerprint_of(session: Session, row: Experiment, action: str, body: Mapping[str, Any]) -> str:
    """Return what names an action on an experiment as it is now, with all that it would serve and judge by."""
    document = row.document
    if action == START and row.state in UNSTARTED:
        plan = plans.build_plan(session, row)
        document = {**row.document, "plan": {**plan, "experiment": None}}
    said = {name: value for name, value in body.items() if value}
    return take_fingerprint(action, said, document, row.traffic if action == WEIGHTS else None)


def present_fingerprint(session: Session, row: Experiment, request: ApprovalRequest) -> str:
    """Return the fingerprint that a request would have if it were made now."""
    return fingerprint_of(session, row, request.action, _subject(request))


def list_waiting(session: Session, row: Experiment, action: str | None = None) -> Sequence[ApprovalRequest]:
    """Return the requests on an experiment that may still lead to something, oldest first."""
    wanted = select(ApprovalRequest).where(
        ApprovalRequest.project == row.project,
        ApprovalRequest.experiment == row.key,
        ApprovalRequest.state.in_(WAITING),
    )
    if action is not None:
        wanted = wanted.where(ApprovalRequest.action == action)
    return session.scalars(wanted.order_by(ApprovalRequest.id)).all()


def _subject(request: ApprovalRequest) -> Mapping[str, Any]:
    """Return the part of a request that its fingerprint covers."""
    if request.action == GUARDRAILS:
        return {"guardrails": list_guardrails(request.body)}
    return {name: value for name, value in request.body.items() if name != "reason"}


def _explain(key: str, action: str, waiting: Sequence[ApprovalRequest]) -> str:
    """Say what is missing."""
    what = f"to {MEANINGS[action]} ({key}) this project wants the approval of a second person"
    if not waiting:
        return (
            f"{what}; ask for it on the page of the experiment, or with POST /v1/experiments/{key}/approvals"
        )
    request = waiting[-1]
    if request.state == APPROVED:
        return f"{what}; request {request.id} was approved for something else than this: do exactly that, or ask anew"
    return f"{what}; request {request.id} waits for it"
