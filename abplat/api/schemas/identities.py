"""Schemas of identify and context."""

from __future__ import annotations

from marshmallow import fields

from abplat.api.schemas.definitions import DocumentSchema, StrictSchema, text_field
from abplat.domain.identities import MAX_ID


class IdentifyRequest(DocumentSchema):
    """An anonymous id that turned out to be a known one."""

    anonymous = text_field("Typed id, such as anon:w1", MAX_ID, required=True)
    known = text_field("Typed id, such as cust:7", MAX_ID, required=True)
    ts = fields.String(allow_none=True, metadata={"description": "When, with an offset; now when left out"})
    id = text_field("Id of the event; the same id counts once", MAX_ID, allow_none=True)
    assignments = fields.Dict(
        keys=fields.String(),
        values=fields.String(),
        metadata={"description": "What the device has shown so far: experiment and variant"},
    )


class IdentifyResponse(StrictSchema):
    """What holds for the customer from now on."""

    unit = fields.String()
    pins = fields.Dict(
        keys=fields.String(), values=fields.String(), metadata={"description": "Variant per experiment"}
    )
    shared = fields.Boolean(metadata={"description": "The anonymous id belongs to several customers"})
    conflicts = fields.List(
        fields.String(), metadata={"description": "Experiments where the two ids had met different variants"}
    )


class ContextQuery(StrictSchema):
    """Which id to look up."""

    unit = text_field("Typed id, such as cust:7", MAX_ID, required=True)


class AssignmentSchema(StrictSchema):
    """One entry of the ledger."""

    experiment = fields.String()
    variant = fields.String()
    assigned_at = fields.AwareDateTime()
    source = fields.String()


class ContextResponse(StrictSchema):
    """What is known of an id."""

    unit = fields.String()
    joined = fields.List(fields.String())
    assignments = fields.List(fields.Nested(AssignmentSchema))
