"""Routes of identify and context."""

from __future__ import annotations

from typing import Any

from flask import g

from abplat.api.auth import require_key
from abplat.api.definitions import Answer, ApiBlueprint
from abplat.api.schemas.identities import ContextQuery, ContextResponse, IdentifyRequest, IdentifyResponse
from abplat.api.session import current_platform, current_session
from abplat.clock import to_micros
from abplat.domain.identities import fault_of_id, parse_identification
from abplat.domain.keys import ADMIN, SERVER
from abplat.errors import InvalidInputError
from abplat.services import identities

blueprint = ApiBlueprint("identities", __name__, url_prefix="/v1", description="Who is who")


@blueprint.post("/identify")
@require_key(SERVER)
@blueprint.arguments(IdentifyRequest)
@blueprint.response(200, IdentifyResponse)
@blueprint.doc(operationId="identify", summary="Join an anonymous id with a known one")
def identify(document: dict[str, Any]) -> Answer:
    """Keep the join as a fact and answer the variants that hold for the customer from now on."""
    platform = current_platform()
    said = parse_identification(document, platform.clock())
    with platform.sessions() as session:
        identities.check_assignments(session, g.key.project_key, said)
    # The intake has a writer of its own, so the event goes first: see abplat.api.session.
    row = identities.make_alias(said, to_micros(said.at))
    platform.intake.submit(g.key.project_key, [row])
    return identities.identify(current_session(), g.key.project_key, said)._asdict()


@blueprint.get("/context")
@require_key(SERVER, ADMIN)
@blueprint.arguments(ContextQuery, location="query")
@blueprint.response(200, ContextResponse)
@blueprint.doc(operationId="get_context", summary="Look up what is known of an id")
def get_context(query: dict[str, Any]) -> Answer:
    """Answer the ids it was joined with and its assignments, for any channel that serves the customer."""
    fault = fault_of_id(query["unit"])
    if fault:
        raise InvalidInputError.at("unit", fault, "bad_id")
    return identities.get_context(current_session(), g.key.project_key, query["unit"])._asdict()
