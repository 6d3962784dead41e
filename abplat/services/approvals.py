"""What can be done with approvals: ask, approve, refuse, take back."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, NamedTuple, cast

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session

from abplat.clock import format_instant, parse_instant
from abplat.db.models.approvals import ApprovalRequest
from abplat.db.models.experiments import Experiment
from abplat.db.queries import audit as audit_queries
from abplat.db.queries import definitions as queries
from abplat.domain import catalogue
from abplat.domain.approvals import (
    APPROVED,
    DONE,
    GUARDRAILS,
    MEANINGS,
    OPEN,
    RAMP,
    REFUSED,
    START,
    STOP,
    WAITING,
    WEIGHTS,
    WITHDRAWN,
    Asked,
    list_guardrails,
    parse_request,
    require_open,
    require_other_person,
)
from abplat.domain.catalogue import EXPERIMENTS, Document
from abplat.domain.fields import MAX_TEXT, Fields
from abplat.domain.lifecycle import HOLDING, RUNNING, UNSTARTED, require_state
from abplat.domain.people import is_person
from abplat.domain.phases import Traffic, parse_phase
from abplat.errors import ConflictError, InvalidInputError, NotAllowedError, NotFoundError
from abplat.services import approval_gate, audit, notices
from abplat.services.approval_gate import NOUN, fingerprint_of, is_required

MAX_LISTED: Final = 500
_FIELDS: Final = {
    START: ("at", "anyway"),
    STOP: ("at",),
    WEIGHTS: ("weights", "included", "reset"),
    GUARDRAILS: ("metrics",),
}


class Decision(NamedTuple):
    """What somebody says of a request."""

    approve: bool
    note: str = ""
    seen: str | None = None
    """The fingerprint of what they have looked at; None skips the comparison."""


def ask(session: Session, project: str, key: str, document: Any, *, now: datetime) -> Document:
    """Ask for the approval of an action on an experiment.

    Raises:
        InvalidInputError: With every fault found.
        ConflictError: If the project wants no approval of this, or the same is asked already.
        IllegalTransitionError: If the action is not possible in this state.
    """
    row = _get_experiment(session, project, key)
    asked = parse_request(document)
    if not is_required(session, project, asked.action):
        raise ConflictError(f"this project wants no approval to {MEANINGS[asked.action]}; just do it")
    if approval_gate.list_waiting(session, row, asked.action):
        raise ConflictError(f"a request to {MEANINGS[asked.action]} waits already; withdraw it to ask anew")
    body = _read_body(row, asked)
    return _write(session, row, Asked(asked.action, body, asked.note), audit.actor_of(session), now)


def ask_for_schedule(session: Session, row: Experiment, action: str, now: datetime) -> None:
    """Ask in the name of whoever wrote the schedule, when it meets the gate; once."""
    if approval_gate.list_waiting(session, row, action):
        return
    author = audit_queries.find_last_author(session, row.project, EXPERIMENTS, row.key) or "system"
    body = {"step": row.ramp_step} if action == RAMP else {}
    _write(session, row, Asked(action, body, "asked for by the schedule"), author, now)


def decide(session: Session, project: str, request_id: int, decision: Decision, *, now: datetime) -> Document:
    """Approve or refuse a request.

    Args:
        session: Where to write.
        project: Key of the project.
        request_id: Number of the request.
        decision: Whether to approve it, and why.
        now: The present instant.

    Raises:
        NotFoundError: If the project has none of this number.
        ConflictError: If it is decided, or the experiment has changed since it was made.
        NotAllowedError: If the actor has asked for it or changed something, or is no person.
    """
    request = _get(session, project, request_id)
    row = _get_experiment(session, project, request.experiment)
    approval_gate.renew(session, row, now)
    require_open(request.state)
    approve, note, seen = decision
    if seen is not None and seen != request.fingerprint:
        raise ConflictError("this has changed since you looked at it; look again, then decide")
    actor = audit.actor_of(session)
    if request.action != RAMP or is_required(session, project, RAMP):
        require_other_person(actor, request.authors)
    if len(note) > MAX_TEXT:
        raise InvalidInputError.at(
            "note", f"has {len(note)} characters; at most {MAX_TEXT} are kept", "too_long"
        )
    request.state = APPROVED if approve else REFUSED
    if approve and request.action == RAMP:
        _let_ramp_go_on(session, row, request)
    request.decided_by, request.decision_note, request.changed_at = actor, note, now
    session.flush()
    after = {"action": request.action, "experiment": request.experiment, "note": note}
    audit.record(
        session, now, (project, "approve" if approve else "refuse", NOUN, str(request_id)), after=after
    )
    data = {"request": request.id, "action": request.action, "by": actor, "approved": approve, "note": note}
    notices.tell(session, project, notices.APPROVAL_DECIDED, row.key, data, now=now)
    return describe(request)


def withdraw(session: Session, project: str, request_id: int, *, now: datetime) -> Document:
    """Take a request back.

    Raises:
        ConflictError: If it leads to nothing any more.
        NotAllowedError: If somebody else has asked.
    """
    request = _get(session, project, request_id)
    if request.state not in WAITING or request.action == RAMP:
        raise ConflictError(f"this request is {request.state} and cannot be taken back")
    actor = audit.actor_of(session)
    if is_person(actor) and actor not in request.authors:
        raise NotAllowedError("only who has asked can take a request back; refuse it instead")
    request.state, request.changed_at = WITHDRAWN, now
    session.flush()
    audit.record(session, now, (project, "withdraw", NOUN, str(request_id)))
    return describe(request)


def list_(
    session: Session, project: str, *, experiment: str | None = None, is_waiting: bool = False
) -> list[Document]:
    """Return the requests of a project, the latest first."""
    wanted = select(ApprovalRequest).where(ApprovalRequest.project == project)
    if experiment is not None:
        wanted = wanted.where(ApprovalRequest.experiment == experiment)
    if is_waiting:
        wanted = wanted.where(ApprovalRequest.state.in_(WAITING))
    rows = session.scalars(wanted.order_by(ApprovalRequest.id.desc()).limit(MAX_LISTED))
    return [_show(session, request) for request in rows]


def get(session: Session, project: str, request_id: int) -> Document:
    """Return one request.

    Raises:
        NotFoundError: If the project has none of this number.
    """
    return _show(session, _get(session, project, request_id))


def settle_ramp(session: Session, row: Experiment, step: int, now: datetime) -> None:
    """Close the request of a ramp step that somebody lets go on.

    Raises:
        NotAllowedError: If the project wants a second person, and the actor is not one.
    """
    actor = audit.actor_of(session)
    requests = [
        each for each in approval_gate.list_waiting(session, row, RAMP) if each.body.get("step") == step
    ]
    authors = [author for each in requests for author in each.authors]
    if is_required(session, row.project, RAMP):
        require_other_person(actor, authors or [_starter(session, row)])
    for request in requests:
        request.state, request.changed_at, request.decided_by = DONE, now, request.decided_by or actor
    session.flush()


def describe(request: ApprovalRequest) -> Document:
    """Return a request as it is answered."""
    return {
        "id": request.id,
        "experiment": request.experiment,
        "action": request.action,
        "body": request.body,
        "note": request.note,
        "state": request.state,
        "authors": request.authors,
        "asked_at": request.asked_at,
        "changed_at": request.changed_at,
        "decided_by": request.decided_by,
        "decision_note": request.decision_note,
        "fingerprint": request.fingerprint,
    }


def _show(session: Session, request: ApprovalRequest) -> Document:
    """Return a request as it would be decided now: an approval that a change has outrun is open again."""
    shown = describe(request)
    if request.state in WAITING:
        row = _get_experiment(session, request.project, request.experiment)
        present = approval_gate.present_fingerprint(session, row, request)
        if present != request.fingerprint:
            shown |= {"fingerprint": present, "state": OPEN, "decided_by": None, "decision_note": None}
    return shown


def _let_ramp_go_on(session: Session, row: Experiment, request: ApprovalRequest) -> None:
    """Let a ramp go on from the step that was approved.

    Raises:
        ConflictError: If it is at another step by now.
    """
    if row.state != RUNNING or row.ramp_step != request.body.get("step"):
        raise ConflictError("the ramp is not at that step any more")
    row.ramp_approved = True
    queries.save(session, f"experiment {row.key}")
    request.state = DONE


def _write(session: Session, row: Experiment, asked: Asked, author: str, now: datetime) -> Document:
    """Write a request and tell of it."""
    subject = {"guardrails": list_guardrails(asked.body)} if asked.action == GUARDRAILS else asked.body
    request = ApprovalRequest(
        project=row.project,
        experiment=row.key,
        action=asked.action,
        body=asked.body,
        fingerprint=fingerprint_of(session, row, asked.action, subject),
        authors=[author],
        note=asked.note,
        state=OPEN,
        asked_at=now,
        changed_at=now,
    )
    session.add(request)
    session.flush()
    after = {"experiment": row.key, "action": asked.action, "body": asked.body, "note": asked.note}
    audit.record(session, now, (row.project, "ask", NOUN, str(request.id)), after=after)
    data = {"request": request.id, "action": asked.action, "by": author, "note": asked.note}
    notices.tell(session, row.project, notices.APPROVAL_ASKED, row.key, data, now=now)
    return describe(request)


def _read_body(row: Experiment, asked: Asked) -> Document:
    """Read what is to be done, in the form in which the gate will see it."""
    unknown = sorted(set(asked.body) - set(_FIELDS[asked.action]))
    if unknown:
        known = ", ".join(_FIELDS[asked.action])
        raise InvalidInputError.at(
            f"body.{unknown[0]}", f"is not a field here; the fields are {known}", "unknown_field"
        )
    body = {name: value for name, value in asked.body.items() if value not in (None, "", False)}
    if "at" in body:
        body["at"] = format_instant(parse_instant(body["at"], "body.at"))
    if asked.action == START:
        require_state(row.state, UNSTARTED, "started")
        fields = Fields(body, "body")
        fields.text("anyway", "", MAX_TEXT)
        fields.value("at", None)
        fields.finish("request")
        return body
    if asked.action == GUARDRAILS:
        definition = catalogue.canonical(EXPERIMENTS, {**row.document, "metrics": body.get("metrics")})
        return {"metrics": definition["metrics"]}
    require_state(row.state, HOLDING, "stopped" if asked.action == STOP else "given a new phase")
    if asked.action == WEIGHTS:
        parse_phase({**body, "reason": asked.note or "approved"}, msgspec.convert(row.traffic, Traffic))
    return body


def _starter(session: Session, row: Experiment) -> str:
    """Return who has started an experiment."""
    return audit_queries.find_actor(session, row.project, EXPERIMENTS, row.key, "start") or "system"


def _get(session: Session, project: str, request_id: int) -> ApprovalRequest:
    """Return a request of a project."""
    found = session.get(ApprovalRequest, request_id) if 0 < request_id < 2**63 else None
    if found is None or found.project != project:
        raise NotFoundError(f"there is no request {request_id}")
    return found


def _get_experiment(session: Session, project: str, key: str) -> Experiment:
    """Return an experiment."""
    return cast("Experiment", queries.get(session, EXPERIMENTS, project, key))
