"""GET /v1/quality: the data-quality board."""

from __future__ import annotations

import marshmallow as ma
from flask import g

from abplat.api.auth import require_key
from abplat.api.definitions import Answer, ApiBlueprint
from abplat.api.schemas.definitions import StrictSchema
from abplat.api.session import current_session
from abplat.domain.keys import ADMIN, SERVER
from abplat.services import quality

blueprint = ApiBlueprint("quality", __name__, url_prefix="/v1/quality", description="How the data are")


class Volume(StrictSchema):
    """Facts of one kind and channel that happened on one day."""

    day = ma.fields.String()
    kind = ma.fields.String()
    channel = ma.fields.String(metadata={"description": "Empty where the facts name none"})
    n = ma.fields.Integer()
    repeated = ma.fields.Integer(metadata={"description": "Copies of an event that is counted already"})
    late = ma.fields.Integer(metadata={"description": "Received more than a day after they happened"})
    early = ma.fields.Integer(metadata={"description": "Said to be from five minutes and more ahead"})
    p50_late_s = ma.fields.Float()
    p99_late_s = ma.fields.Float()


class Arrival(StrictSchema):
    """What the door counted on one day."""

    day = ma.fields.String()
    accepted = ma.fields.Integer()
    duplicates = ma.fields.Integer()
    refused = ma.fields.Integer()
    dropped = ma.fields.Integer(metadata={"description": "Reported by SDKs whose buffer was full"})
    skewed = ma.fields.Integer(metadata={"description": "Batches from clocks more than five minutes off"})
    batches = ma.fields.Integer()


class Refusal(StrictSchema):
    """Refused events of one reason."""

    code = ma.fields.String()
    n = ma.fields.Integer()


class Stranger(StrictSchema):
    """Events of a name that no touchpoint has."""

    name = ma.fields.String()
    channel = ma.fields.String()
    n = ma.fields.Integer()


class Notice(StrictSchema):
    """Something odd, in words, with what to do about it."""

    code = ma.fields.String()
    title = ma.fields.String()
    action = ma.fields.String()


class Board(StrictSchema):
    """How the data of a project are, over the last four weeks."""

    made_at = ma.fields.String()
    volumes = ma.fields.List(ma.fields.Nested(Volume))
    arrivals = ma.fields.List(ma.fields.Nested(Arrival))
    refusals = ma.fields.List(ma.fields.Nested(Refusal))
    strangers = ma.fields.List(ma.fields.Nested(Stranger))
    notices = ma.fields.List(ma.fields.Nested(Notice))


@blueprint.get("")
@require_key(SERVER, ADMIN)
@blueprint.response(200, Board)
@blueprint.doc(operationId="get_quality", summary="Look at how the data are")
def get() -> Answer:
    """Answer the last board that the worker has made; it makes one every hour."""
    return quality.get_board(current_session(), g.key.project_key)
