"""Carry out what was approved: the very thing that was asked for, in one step."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from sqlalchemy.orm import Session

from abplat.clock import parse_instant
from abplat.domain.approvals import APPROVED, GUARDRAILS, START, STOP, WEIGHTS
from abplat.domain.catalogue import Document
from abplat.errors import ConflictError
from abplat.services import approvals, experiments, phases
from abplat.services.experiments import Moment


def carry_out(session: Session, project: str, request_id: int, *, now: datetime) -> Document:
    """Do what a request asks for, and return the experiment.

    Raises:
        ConflictError: If it is not approved.
        ApprovalNeededError: If the experiment has changed since.
    """
    request = approvals.get(session, project, request_id)
    if request["state"] != APPROVED:
        raise ConflictError(
            f"request {request_id} is {request['state']}; only an approved one can be carried out"
        )
    act = _ACTS.get(request["action"])
    if act is None:
        raise ConflictError("a ramp goes on by itself once its step is approved")
    done: Document = act(session, project, request, now)
    return done


def _start(session: Session, project: str, request: Document, now: datetime) -> Document:
    """Start the experiment."""
    body = request["body"]
    return experiments.start(
        session, project, request["experiment"], _moment(body, now), anyway=body.get("anyway")
    )


def _stop(session: Session, project: str, request: Document, now: datetime) -> Document:
    """Stop the experiment."""
    moment, reason = _moment(request["body"], now), request["note"] or None
    return experiments.stop(session, project, request["experiment"], moment, reason=reason)


def _begin_phase(session: Session, project: str, request: Document, now: datetime) -> Document:
    """Begin the phase."""
    body = {**request["body"], "reason": request["note"] or "approved"}
    return phases.begin(session, project, request["experiment"], body, now=now)


def _change_guardrails(session: Session, project: str, request: Document, now: datetime) -> Document:
    """Change the guardrails."""
    return experiments.update(session, project, request["experiment"], request["body"], now=now)


def _moment(body: Document, now: datetime) -> Moment:
    """Return when it is to hold from."""
    return Moment(now, parse_instant(body["at"]) if body.get("at") else None)


_ACTS: Final[dict[str, Callable[[Session, str, Document, datetime], Any]]] = {
    START: _start,
    STOP: _stop,
    WEIGHTS: _begin_phase,
    GUARDRAILS: _change_guardrails,
}
