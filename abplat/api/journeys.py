"""Routes of journeys."""

from __future__ import annotations

from flask import g

from abplat.api.auth import require_key
from abplat.api.definitions import Answer, make_blueprint
from abplat.api.schemas.journeys import JOURNEY, JourneyVersions
from abplat.api.session import current_session
from abplat.domain.keys import ADMIN
from abplat.services import journeys

blueprint = make_blueprint("journeys", journeys, JOURNEY)


@blueprint.get("/<key>/versions")
@require_key(ADMIN)
@blueprint.response(200, JourneyVersions)
@blueprint.doc(operationId="list_journey_versions", summary="List the versions of a journey")
def list_versions(key: str) -> Answer:
    """Answer every version, oldest first: a result names the one it was made with."""
    return {"items": journeys.list_versions(current_session(), g.key.project_key, key)}
