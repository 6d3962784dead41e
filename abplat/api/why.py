"""Route that says why a unit got its variant."""

from __future__ import annotations

from typing import Any

import orjson
from flask import g

from abplat.api.auth import require_key
from abplat.api.definitions import Answer, ApiBlueprint
from abplat.api.schemas.why import WhyQuery, WhyResponse
from abplat.api.session import current_platform, current_session
from abplat.domain.keys import ADMIN
from abplat.errors import InvalidInputError
from abplat.services import why

blueprint = ApiBlueprint(
    "why", __name__, url_prefix="/v1/experiments", description="Why a unit got its variant"
)


@blueprint.get("/<key>/why")
@require_key(ADMIN)
@blueprint.arguments(WhyQuery, location="query")
@blueprint.response(200, WhyResponse)
@blueprint.doc(operationId="explain_decision", summary="Say why a unit gets its variant")
def explain(query: dict[str, Any], key: str) -> Answer:
    """Answer every gate of the decision in its order, as the service decides now."""
    platform, project = current_platform(), g.key.project_key
    configurations = platform.configurations
    inquiry = why.Inquiry(
        unit=query["unit"],
        attributes=_read_attributes(query["attributes"]),
        channel=query["channel"],
        with_pins=query["pins"] == "ledger",
        now=platform.clock(),
    )
    evaluator, document = configurations.evaluator(project), configurations.document(project)
    return why.explain_decision(current_session(), project, key, inquiry, evaluator, document)


def _read_attributes(text: str) -> dict[str, Any]:
    """Read the attributes out of the query."""
    try:
        attributes = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise InvalidInputError.at("attributes", f"is not JSON: {error}", "bad_json") from error
    if not isinstance(attributes, dict):
        raise InvalidInputError.at("attributes", "must be a JSON object", "not_an_object")
    return attributes
