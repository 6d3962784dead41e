"""Routes of approvals."""

from __future__ import annotations

from typing import Any

from flask import g

from abplat.api.auth import require_key
from abplat.api.definitions import Answer, ApiBlueprint, tagged
from abplat.api.schemas.experiments import EXPERIMENT
from abplat.api.schemas.people import (
    ApprovalAsked,
    ApprovalList,
    ApprovalQuery,
    ApprovalStored,
    DecisionSchema,
)
from abplat.api.session import current_platform, current_session
from abplat.domain.keys import ADMIN
from abplat.domain.roles import APPROVER
from abplat.services import approvals, proposals
from abplat.services.approvals import Decision

blueprint = ApiBlueprint("approvals", __name__, url_prefix="/v1", description="Approvals by a second person")


@blueprint.post("/experiments/<key>/approvals")
@require_key(ADMIN)
@blueprint.arguments(ApprovalAsked)
@blueprint.response(201, ApprovalStored)
@blueprint.doc(operationId="ask_approval", summary="Ask for the approval of an action")
def ask(document: dict[str, Any], key: str) -> Answer:
    """Ask a second person; what was asked for can be done once somebody has approved it."""
    now = current_platform().clock()
    return approvals.ask(current_session(), g.key.project_key, key, document, now=now)


@blueprint.get("/approvals")
@require_key(ADMIN)
@blueprint.arguments(ApprovalQuery, location="query")
@blueprint.response(200, ApprovalList)
@blueprint.doc(operationId="list_approvals", summary="List requests for approval")
def list_(query: dict[str, Any]) -> Answer:
    """Answer the requests of the project, the latest first."""
    session, project = current_session(), g.key.project_key
    found = approvals.list_(session, project, experiment=query["experiment"], is_waiting=query["waiting"])
    return {"items": found}


@blueprint.get("/approvals/<int:number>")
@require_key(ADMIN)
@blueprint.response(200, ApprovalStored)
@blueprint.doc(operationId="get_approval", summary="Read a request for approval")
def get(number: int) -> Answer:
    """Answer one request."""
    return approvals.get(current_session(), g.key.project_key, number)


@blueprint.post("/approvals/<int:number>/approve")
@require_key(ADMIN, role=APPROVER, by_person=True)
@blueprint.arguments(DecisionSchema, required=False)
@blueprint.response(200, ApprovalStored)
@blueprint.doc(operationId="approve_request", summary="Approve what somebody else asks for")
def approve(body: dict[str, Any], number: int) -> Answer:
    """Approve; neither who has asked nor who has changed something can."""
    decision = Decision(approve=True, note=body["note"], seen=body["seen"])
    now = current_platform().clock()
    return approvals.decide(current_session(), g.key.project_key, number, decision, now=now)


@blueprint.post("/approvals/<int:number>/refuse")
@require_key(ADMIN, role=APPROVER, by_person=True)
@blueprint.arguments(DecisionSchema, required=False)
@blueprint.response(200, ApprovalStored)
@blueprint.doc(operationId="refuse_request", summary="Refuse what somebody asks for")
def refuse(body: dict[str, Any], number: int) -> Answer:
    """Refuse, with a note for who has asked."""
    decision = Decision(approve=False, note=body["note"], seen=body["seen"])
    now = current_platform().clock()
    return approvals.decide(current_session(), g.key.project_key, number, decision, now=now)


@blueprint.post("/approvals/<int:number>/withdraw")
@require_key(ADMIN)
@blueprint.response(200, ApprovalStored)
@blueprint.doc(operationId="withdraw_request", summary="Take a request back")
def withdraw(number: int) -> Answer:
    """Take back what one has asked for."""
    now = current_platform().clock()
    return approvals.withdraw(current_session(), g.key.project_key, number, now=now)


@blueprint.post("/approvals/<int:number>/carry-out")
@require_key(ADMIN)
@blueprint.response(200, EXPERIMENT.response)
@blueprint.doc(operationId="carry_out_request", summary="Do what was approved")
def carry_out(number: int) -> Answer:
    """Do exactly what was asked for, and answer the experiment."""
    session, now = current_session(), current_platform().clock()
    return tagged(proposals.carry_out(session, g.key.project_key, number, now=now))
