"""Routes of experiments."""

from __future__ import annotations

from flask import g, request

from abplat.api.auth import require_key
from abplat.api.definitions import Answer, make_blueprint, tagged
from abplat.api.etags import expected_revision
from abplat.api.schemas.experiments import EXPERIMENT
from abplat.api.session import current_platform, current_session
from abplat.domain.keys import ADMIN
from abplat.services import experiments

blueprint = make_blueprint("experiments", experiments, EXPERIMENT)


def _revision() -> int | None:
    """Return what the caller has read, if it says so."""
    return expected_revision() if "If-Match" in request.headers else None


@blueprint.post("/<key>/start")
@require_key(ADMIN)
@blueprint.response(200, EXPERIMENT.response)
@blueprint.doc(operationId="start_experiment", summary="Start an experiment")
def start(key: str) -> Answer:
    """Assign customers from now on and freeze everything the result depends on."""
    session, now = current_session(), current_platform().clock()
    return tagged(experiments.start(session, g.key.project_key, key, now=now, revision=_revision()))


@blueprint.post("/<key>/stop")
@require_key(ADMIN)
@blueprint.response(200, EXPERIMENT.response)
@blueprint.doc(operationId="stop_experiment", summary="Stop an experiment")
def stop(key: str) -> Answer:
    """Give everybody control again; the facts stay and can be analysed."""
    session, now = current_session(), current_platform().clock()
    return tagged(experiments.stop(session, g.key.project_key, key, now=now, revision=_revision()))
