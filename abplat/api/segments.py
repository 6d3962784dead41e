"""Routes of segments."""

from __future__ import annotations

from flask import g

from abplat.api.auth import require_key
from abplat.api.definitions import Answer, make_blueprint
from abplat.api.schemas.definitions import DefinitionVersions
from abplat.api.schemas.segments import SEGMENT
from abplat.api.session import current_session
from abplat.domain.keys import ADMIN
from abplat.services import segments

blueprint = make_blueprint("segments", segments, SEGMENT)


@blueprint.get("/<key>/versions")
@require_key(ADMIN)
@blueprint.response(200, DefinitionVersions)
@blueprint.doc(operationId="list_segment_versions", summary="List the versions of a segment")
def list_versions(key: str) -> Answer:
    """Answer every version, oldest first: the configuration names the one that decides."""
    return {"items": segments.list_versions(current_session(), g.key.project_key, key)}
