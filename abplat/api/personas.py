"""Routes of personas."""

from __future__ import annotations

from flask import g

from abplat.api.auth import require_key
from abplat.api.definitions import Answer, make_blueprint
from abplat.api.schemas.definitions import DefinitionVersions
from abplat.api.schemas.personas import PERSONA
from abplat.api.session import current_session
from abplat.domain.keys import ADMIN
from abplat.services import personas

blueprint = make_blueprint("personas", personas, PERSONA)


@blueprint.get("/<key>/versions")
@require_key(ADMIN)
@blueprint.response(200, DefinitionVersions)
@blueprint.doc(operationId="list_persona_versions", summary="List the versions of a persona")
def list_versions(key: str) -> Answer:
    """Answer every version, oldest first: the configuration names the one that decides."""
    return {"items": personas.list_versions(current_session(), g.key.project_key, key)}
