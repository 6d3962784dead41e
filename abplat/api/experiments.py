"""Routes of experiments."""

from __future__ import annotations

from typing import Any

from flask import g

from abplat.api.auth import require_key
from abplat.api.definitions import Answer, make_blueprint, tagged
from abplat.api.etags import named_revision
from abplat.api.schemas.experiments import EXPERIMENT, StartSchema, StopSchema
from abplat.api.session import current_platform, current_session
from abplat.domain.keys import ADMIN
from abplat.services import experiments
from abplat.services.experiments import Moment

blueprint = make_blueprint("experiments", experiments, EXPERIMENT)


def _moment(body: dict[str, Any]) -> Moment:
    """Return when the request was made and the instant that it names."""
    return Moment(current_platform().clock(), body.get("at"))


@blueprint.post("/<key>/start")
@require_key(ADMIN)
@blueprint.arguments(StartSchema, required=False)
@blueprint.response(200, EXPERIMENT.response)
@blueprint.doc(operationId="start_experiment", summary="Start an experiment")
def start(body: dict[str, Any], key: str) -> Answer:
    """Assign customers from now on and freeze everything the result depends on."""
    session, project, revision = current_session(), g.key.project_key, named_revision()
    anyway = body.get("anyway")
    return tagged(experiments.start(session, project, key, _moment(body), revision=revision, anyway=anyway))


@blueprint.post("/<key>/stop")
@require_key(ADMIN)
@blueprint.arguments(StopSchema, required=False)
@blueprint.response(200, EXPERIMENT.response)
@blueprint.doc(operationId="stop_experiment", summary="Stop an experiment")
def stop(body: dict[str, Any], key: str) -> Answer:
    """Give everybody control again; the facts stay and can be analysed."""
    session, project, revision = current_session(), g.key.project_key, named_revision()
    reason = body.get("reason")
    return tagged(experiments.stop(session, project, key, _moment(body), revision=revision, reason=reason))
