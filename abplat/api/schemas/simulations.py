"""Schemas of simulations."""

from __future__ import annotations

from marshmallow import fields, validate

from abplat.api.schemas.definitions import StrictSchema
from abplat.services.simulations import MAX_GIVEN


class GivenUnit(StrictSchema):
    """A unit with what targeting sees of it."""

    unit = fields.String(required=True, validate=validate.Length(1, 256))
    attributes = fields.Dict(keys=fields.String(), load_default=dict)


class SimulationRequest(StrictSchema):
    """A change to try, and on whom."""

    changes = fields.Dict(
        keys=fields.String(), required=True, metadata={"description": "As in a change of the experiment"}
    )
    attributes = fields.Dict(
        keys=fields.String(), load_default=dict, metadata={"description": "Seen of every unit"}
    )
    channel = fields.String(load_default=None, allow_none=True, validate=validate.Length(1, 64))
    units = fields.List(fields.Nested(GivenUnit), load_default=list, validate=validate.Length(max=MAX_GIVEN))


class MoveSchema(StrictSchema):
    """Units that go from one variant to another; null is outside of the experiment."""

    from_ = fields.String(allow_none=True, data_key="from", attribute="from")
    to = fields.String(allow_none=True)
    units = fields.Integer()
    share = fields.Float()


class SourceSchema(StrictSchema):
    """Where units came from."""

    source = fields.String(metadata={"description": "given, ledger, recent or synthetic"})
    units = fields.Integer()
    moved_share = fields.Float()


class SimulationResponse(StrictSchema):
    """What a change would move."""

    experiment = fields.String()
    state = fields.String()
    config_version = fields.String()
    changed = fields.List(fields.String())
    refused = fields.List(
        fields.String(), metadata={"description": "Fields that cannot change any more; saving is refused"}
    )
    sentence = fields.String()
    moved_share = fields.Float(metadata={"description": "Enters, leaves or changes the variant"})
    switched_share = fields.Float(metadata={"description": "In before and after, in another variant"})
    entering_share = fields.Float()
    leaving_share = fields.Float()
    moves = fields.List(fields.Nested(MoveSchema))
    sources = fields.List(fields.Nested(SourceSchema))
    unknown_attributes = fields.List(
        fields.String(), metadata={"description": "What rules look at and the units do not have"}
    )
