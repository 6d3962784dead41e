"""Routes of what is done to experiments, and of what it means."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import g

from abplat.api.auth import require_key
from abplat.api.definitions import Answer, ApiBlueprint, tagged
from abplat.api.etags import named_revision
from abplat.api.schemas.experiments import EXPERIMENT
from abplat.api.schemas.lifecycle import (
    ActionSchema,
    ApprovalSchema,
    Checklist,
    ConclusionSchema,
    DeviationList,
    LifecycleAnswer,
    PhaseList,
    PhaseSchema,
    ReasonSchema,
)
from abplat.api.session import current_platform, current_session
from abplat.domain.conclusions import list_outcomes
from abplat.domain.consequences import CONSEQUENCES
from abplat.domain.experiments import KINDS
from abplat.domain.keys import ADMIN
from abplat.domain.lifecycle import STATES, list_targets
from abplat.domain.roles import APPROVER, EXPERIMENTER
from abplat.services import checklists, deviations, experiments, phases, schedules

blueprint = ApiBlueprint("lifecycle", __name__, url_prefix="/v1", description="Life of experiments")


@blueprint.get("/lifecycle")
@require_key(ADMIN)
@blueprint.response(200, LifecycleAnswer)
@blueprint.doc(operationId="get_lifecycle", summary="Read what each action does to customers and numbers")
def get_lifecycle() -> Answer:
    """Answer states, actions and outcomes as tables."""
    outcomes = [
        {"kind": kind, "outcome": outcome, "sentence": sentence}
        for kind in KINDS
        for outcome, sentence in list_outcomes(kind).items()
    ]
    states = [{"state": state, "next": list_targets(state)} for state in STATES]
    return {"states": states, "actions": [row._asdict() for row in CONSEQUENCES], "outcomes": outcomes}


def _add_action(verb: str, act: Callable[..., Any], schema: type[ActionSchema], summary: str) -> None:
    """Add the route of an action that has a body and answers the experiment."""

    @blueprint.post(f"/experiments/<key>/{verb}", endpoint=verb)
    @require_key(ADMIN, role=APPROVER if verb == "approve" else EXPERIMENTER)
    @blueprint.arguments(schema, required=False)
    @blueprint.response(200, EXPERIMENT.response)
    @blueprint.doc(operationId=f"{verb}_experiment", summary=summary)
    def view(body: dict[str, Any], key: str) -> Answer:
        """Do it, and answer the experiment."""
        now = current_platform().clock()
        return tagged(
            act(current_session(), g.key.project_key, key, body, now=now, revision=named_revision())
        )


for _verb, _act, _schema, _summary in (
    ("pause", experiments.pause, ReasonSchema, "Pause an experiment"),
    ("resume", experiments.resume, ReasonSchema, "Go on with a paused experiment"),
    ("kill", experiments.kill, ReasonSchema, "Give everybody control at once"),
    ("revive", experiments.revive, ReasonSchema, "Take a kill back"),
    ("conclude", experiments.conclude, ConclusionSchema, "Conclude an experiment"),
    ("phases", phases.begin, PhaseSchema, "Begin a new phase of a running experiment"),
    ("approve", schedules.approve, ApprovalSchema, "Approve the present step of a ramp"),
):
    _add_action(_verb, _act, _schema, _summary)


@blueprint.post("/experiments/<key>/check")
@require_key(ADMIN)
@blueprint.response(200, EXPERIMENT.response)
@blueprint.doc(operationId="check_experiment", summary="Tick the checklist of an experiment")
def check(key: str) -> Answer:
    """Call it checked while nothing that blocks has failed; 409 names what has."""
    session, now = current_session(), current_platform().clock()
    return tagged(experiments.check(session, g.key.project_key, key, now=now, revision=named_revision()))


@blueprint.get("/experiments/<key>/checklist")
@require_key(ADMIN)
@blueprint.response(200, Checklist)
@blueprint.doc(operationId="get_checklist", summary="Read the checklist of an experiment")
def get_checklist(key: str) -> Answer:
    """Answer every item as it stands now: what was found, and how to mend it."""
    now = current_platform().clock()
    return {"items": checklists.get(current_session(), g.key.project_key, key, now=now)}


@blueprint.get("/experiments/<key>/phases")
@require_key(ADMIN)
@blueprint.response(200, PhaseList)
@blueprint.doc(operationId="list_phases", summary="List the phases of an experiment")
def list_phases(key: str) -> Answer:
    """Answer every phase, oldest first."""
    return {"items": phases.list_(current_session(), g.key.project_key, key)}


@blueprint.get("/experiments/<key>/deviations")
@require_key(ADMIN)
@blueprint.response(200, DeviationList)
@blueprint.doc(operationId="list_deviations", summary="List what was done otherwise than planned")
def list_deviations(key: str) -> Answer:
    """Answer every deviation from the frozen plan, oldest first."""
    return {"items": deviations.list_(current_session(), g.key.project_key, key)}
