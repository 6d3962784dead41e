"""Route that asks for an analysis; the worker does it."""

from __future__ import annotations

from flask import g
from marshmallow import fields

from abplat.api.auth import require_key
from abplat.api.definitions import Answer, ApiBlueprint
from abplat.api.schemas.definitions import StrictSchema
from abplat.api.session import current_platform, current_session
from abplat.domain.keys import ADMIN
from abplat.domain.roles import ANALYST
from abplat.services import experiments

blueprint = ApiBlueprint("analyses", __name__, url_prefix="/v1/experiments", description="Analyses")


class AnalysisQueued(StrictSchema):
    """The job that will make the report."""

    job = fields.Integer(metadata={"description": "Number of the job"})


@blueprint.post("/<key>/analyse")
@require_key(ADMIN, role=ANALYST)
@blueprint.response(202, AnalysisQueued)
@blueprint.doc(operationId="analyse_experiment", summary="Ask for a new report of an experiment")
def analyse(key: str) -> Answer:
    """Queue an analysis; asking again while one waits changes nothing."""
    session, now = current_session(), current_platform().clock()
    return {"job": experiments.request_analysis(session, g.key.project_key, key, now=now)}
