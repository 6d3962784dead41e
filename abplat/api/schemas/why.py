"""Schemas of the question why a unit got its variant."""

from __future__ import annotations

from marshmallow import fields, validate

from abplat.api.schemas.definitions import StrictSchema


class WhyQuery(StrictSchema):
    """Who is asked about, in which circumstances."""

    unit = fields.String(
        required=True, validate=validate.Length(1, 256), metadata={"description": "As it is hashed"}
    )
    attributes = fields.String(
        load_default="{}", metadata={"description": "JSON object of what targeting looks at"}
    )
    channel = fields.String(load_default=None, validate=validate.Length(1, 64))
    pins = fields.String(
        load_default="ledger",
        validate=validate.OneOf(("ledger", "none")),
        metadata={"description": "Whether the call knew what the ledger binds the unit to"},
    )


class HashedSchema(StrictSchema):
    """What a gate hashed, and how to hash it again."""

    salt_of = fields.String(metadata={"description": "Whose salt it is, such as layer checkout"})
    salt = fields.String()
    word = fields.Integer()
    bucket = fields.Integer()
    range = fields.List(fields.Integer(), metadata={"description": "[from, to) that the gate asks for"})
    sql = fields.Dict(keys=fields.String(), values=fields.String())


class GateSchema(StrictSchema):
    """One step of the decision."""

    gate = fields.String()
    name = fields.String()
    outcome = fields.String(metadata={"description": "passes, decides or not_reached"})
    reason = fields.String(allow_none=True)
    detail = fields.String()
    hashed = fields.Nested(HashedSchema, allow_none=True)
    conditions = fields.List(fields.Dict(keys=fields.String()))


class WhyResponse(StrictSchema):
    """A decision and the way to it."""

    experiment = fields.String()
    state = fields.String()
    unit = fields.String(metadata={"description": "What is hashed: the customer where one is known"})
    presented = fields.String(metadata={"description": "The id asked about"})
    shared = fields.Boolean(
        metadata={"description": "Several customers share the id: no experiment takes it in"}
    )
    channel = fields.String(allow_none=True)
    attributes = fields.Dict(keys=fields.String())
    config_version = fields.String()
    decision = fields.Dict(keys=fields.String())
    decided_by = fields.String()
    gates = fields.List(fields.Nested(GateSchema))
    pins = fields.Dict(keys=fields.String(), metadata={"description": "What the ledger holds, by experiment"})
    pins_used = fields.Boolean()
    segments = fields.Dict(keys=fields.String(), metadata={"description": "Version that decided, by key"})
    personas = fields.Dict(keys=fields.String(), metadata={"description": "Version that decided, by key"})
