"""Routes of the context of a customer."""

from __future__ import annotations

from typing import Any

from flask import g

from abplat.api.auth import require_key
from abplat.api.definitions import Answer, ApiBlueprint
from abplat.api.schemas.contexts import ContextQuery, ContextRequest, ContextResponse
from abplat.api.session import current_platform
from abplat.domain.keys import ADMIN, SERVER
from abplat.domain.roles import ANALYST
from abplat.services import contexts
from abplat.services.contexts import Inquiry
from abplat.services.sticky_decisions import Caller

blueprint = ApiBlueprint("contexts", __name__, url_prefix="/v1", description="What is known of a customer")


@blueprint.get("/context")
@require_key(SERVER, ADMIN, role=ANALYST)
@blueprint.arguments(ContextQuery, location="query")
@blueprint.response(200, ContextResponse)
@blueprint.doc(operationId="get_context", summary="Look up what is known of an id")
def get_context(query: dict[str, Any]) -> Answer:
    """Answer variants, open journeys, captured fields and touchpoints. The look-up is audited."""
    unit = query.pop("unit")
    return _look_up(query | {"id": query["id"] or unit})


@blueprint.post("/context")
@require_key(SERVER, ADMIN, role=ANALYST)
@blueprint.arguments(ContextRequest)
@blueprint.response(200, ContextResponse)
@blueprint.doc(operationId="look_up_context", summary="Look up what is known of an id, named in the body")
def look_up_context(document: dict[str, Any]) -> Answer:
    """Answer the same as GET, and keep the id out of URLs."""
    return _look_up(document)


def _look_up(asked: dict[str, Any]) -> Answer:
    """Answer a look-up."""
    caller = Caller(g.key.project_key, g.key.kind)
    token, actor = asked.get("identity_token"), g.key.actor
    return contexts.get_context(
        current_platform(), Inquiry(caller, actor, asked["id"], token, asked["channel"])
    )
