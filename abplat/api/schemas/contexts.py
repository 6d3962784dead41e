"""Schemas of the context of a customer."""

from __future__ import annotations

from marshmallow import fields

from abplat.api.schemas.definitions import StrictSchema, text_field
from abplat.api.schemas.identities import token_field
from abplat.domain.identities import MAX_ID


class ContextRequest(StrictSchema):
    """Whom to look up; an id in a body stays out of the logs of proxies."""

    id = text_field(
        "Typed id of any type, such as phone:+49301234", MAX_ID, load_default=None, allow_none=True
    )
    identity_token = token_field()
    channel = text_field(
        "Where the customer is served; without it no variants", MAX_ID, load_default=None, allow_none=True
    )


class ContextQuery(ContextRequest):
    """Whom to look up."""

    unit = text_field("The same as id", MAX_ID, load_default=None)


class AssignmentSchema(StrictSchema):
    """One entry of the ledger."""

    experiment = fields.String()
    variant = fields.String()
    unit = fields.String(metadata={"description": "The id that it was kept for"})
    assigned_at = fields.AwareDateTime()
    source = fields.String(metadata={"description": "fresh, or inherited from origin"})
    channel = fields.String(allow_none=True)
    origin = fields.String(allow_none=True)


class ServedVariantSchema(StrictSchema):
    """What to show or to say in one experiment."""

    experiment = fields.String()
    title = fields.String()
    variant = fields.String(allow_none=True)
    variant_title = fields.String(allow_none=True)
    payload = fields.Raw(allow_none=True, metadata={"description": "The variant's payload for the channel"})
    script = fields.String(allow_none=True, metadata={"description": "The payload's field script"})
    in_experiment = fields.Boolean(metadata={"description": "Only then record an exposure"})
    reason = fields.String()
    config_version = fields.String()


class OpenJourneySchema(StrictSchema):
    """A journey under way."""

    journey = fields.String()
    title = fields.String()
    key = fields.String(allow_none=True, metadata={"description": "Value of correlate_by"})
    started_at = fields.AwareDateTime()
    stage = fields.String(metadata={"description": "The stage reached last"})
    stage_title = fields.String()
    stage_at = fields.AwareDateTime()
    lifecycle = fields.String(
        allow_none=True, metadata={"description": "Label of the stage reached last that has one"}
    )
    next_stage = fields.String(allow_none=True)
    touchpoints = fields.Integer()
    channels = fields.List(fields.String())
    is_partial = fields.Boolean(metadata={"description": "Older touchpoints are no longer at hand"})


class CapturedSchema(StrictSchema):
    """A field that the customer was asked for."""

    field = fields.String()
    value = fields.Raw(allow_none=True)
    at = fields.AwareDateTime()
    channel = fields.String(allow_none=True)


class LastTouchpointSchema(StrictSchema):
    """One of the last touchpoints."""

    name = fields.String()
    at = fields.AwareDateTime()
    channel = fields.String(allow_none=True)
    id = fields.String(metadata={"description": "The id that it was recorded for"})


class ContextResponse(StrictSchema):
    """What is known of a customer."""

    unit = fields.String(metadata={"description": "What is decided for: the customer where one is known"})
    shared = fields.Boolean(metadata={"description": "Several customers share the id: nothing is told"})
    joined = fields.List(fields.String())
    pins = fields.Dict(keys=fields.String(), values=fields.String())
    assignments = fields.List(fields.Nested(AssignmentSchema))
    variants = fields.List(fields.Nested(ServedVariantSchema))
    journeys = fields.List(fields.Nested(OpenJourneySchema))
    captured = fields.List(fields.Nested(CapturedSchema))
    touchpoints = fields.List(fields.Nested(LastTouchpointSchema))
