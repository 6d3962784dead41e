"""Routes of experiments."""

from __future__ import annotations

from typing import Any

from flask import g, request

from abplat.api.auth import require_key
from abplat.api.definitions import Answer, make_blueprint, tagged
from abplat.api.etags import expected_revision
from abplat.api.schemas.experiments import EXPERIMENT, MomentSchema
from abplat.api.session import current_platform, current_session
from abplat.domain.keys import ADMIN
from abplat.services import experiments
from abplat.services.experiments import Moment

blueprint = make_blueprint("experiments", experiments, EXPERIMENT)


def _moment(body: dict[str, Any]) -> Moment:
    """Return when the request was made and the instant that it names."""
    return Moment(current_platform().clock(), body.get("at"))


def _revision() -> int | None:
    """Return what the caller has read, if it says so."""
    return expected_revision() if "If-Match" in request.headers else None


@blueprint.post("/<key>/start")
@require_key(ADMIN)
@blueprint.arguments(MomentSchema, required=False)
@blueprint.response(200, EXPERIMENT.response)
@blueprint.doc(operationId="start_experiment", summary="Start an experiment")
def start(moment: dict[str, Any], key: str) -> Answer:
    """Assign customers from now on and freeze everything the result depends on."""
    return tagged(
        experiments.start(current_session(), g.key.project_key, key, _moment(moment), revision=_revision())
    )


@blueprint.post("/<key>/stop")
@require_key(ADMIN)
@blueprint.arguments(MomentSchema, required=False)
@blueprint.response(200, EXPERIMENT.response)
@blueprint.doc(operationId="stop_experiment", summary="Stop an experiment")
def stop(moment: dict[str, Any], key: str) -> Answer:
    """Give everybody control again; the facts stay and can be analysed."""
    return tagged(
        experiments.stop(current_session(), g.key.project_key, key, _moment(moment), revision=_revision())
    )
