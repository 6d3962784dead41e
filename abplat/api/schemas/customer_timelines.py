"""Schemas of the time line of a customer."""

from __future__ import annotations

from marshmallow import fields

from abplat.api.schemas.contexts import OpenJourneySchema
from abplat.api.schemas.definitions import StrictSchema, text_field
from abplat.api.schemas.why import WhyResponse
from abplat.domain.identities import MAX_ID


class TimelineRequest(StrictSchema):
    """Whom to look up; the id is in the body and in no log of addresses."""

    id = text_field("Typed id of any type, such as phone:+49301234", MAX_ID, required=True)
    channel = text_field(
        "Channel that decisions are explained for", MAX_ID, load_default=None, allow_none=True
    )


class MomentSchema(StrictSchema):
    """One thing that happened to a customer."""

    at = fields.AwareDateTime()
    kind = fields.String(metadata={"description": "assignment, conflict, identity, journey or touchpoint"})
    title = fields.String()
    detail = fields.String()
    channel = fields.String(allow_none=True)
    id = fields.String(allow_none=True, metadata={"description": "Under which identity"})
    experiment = fields.String(allow_none=True)


class TimelineResponse(StrictSchema):
    """A customer in one line of time, youngest first."""

    unit = fields.String()
    shared = fields.Boolean(metadata={"description": "Of a shared id nothing is told"})
    joined = fields.List(fields.String())
    journeys = fields.List(fields.Nested(OpenJourneySchema))
    captured = fields.List(fields.Dict())
    moments = fields.List(fields.Nested(MomentSchema))
    why = fields.List(fields.Nested(WhyResponse), metadata={"description": "Every decision with its gates"})
