"""GET /v1/sightings: which channels were heard of, and when last."""

from __future__ import annotations

import marshmallow as ma
from flask import g

from abplat.api.auth import require_key
from abplat.api.definitions import Answer, ApiBlueprint
from abplat.api.schemas.definitions import StrictSchema
from abplat.api.session import current_platform, current_session
from abplat.domain.keys import ADMIN, SERVER
from abplat.services import channel_signs

blueprint = ApiBlueprint(
    "sightings", __name__, url_prefix="/v1/sightings", description="Which channels were heard of"
)


class SightingSchema(StrictSchema):
    """One channel and when it was last heard of."""

    channel = ma.fields.String()
    title = ma.fields.String()
    state = ma.fields.String(metadata={"description": "waiting, connected, or silent for more than a day"})
    last_seen = ma.fields.AwareDateTime(allow_none=True)
    is_registered = ma.fields.Boolean()


class SightingList(StrictSchema):
    """Every channel."""

    items = ma.fields.List(ma.fields.Nested(SightingSchema))


@blueprint.get("")
@require_key(SERVER, ADMIN)
@blueprint.response(200, SightingList)
@blueprint.doc(operationId="list_sightings", summary="Say which channels were heard of, and when last")
def list_() -> Answer:
    """Answer every channel of the project, and those that only events name."""
    now = current_platform().clock()
    found = channel_signs.list_signs(current_session(), g.key.project_key, now=now)
    return {"items": [sign.describe() for sign in found]}
