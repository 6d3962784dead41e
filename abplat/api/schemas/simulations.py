"""Schemas of simulations."""

from __future__ import annotations

from marshmallow import fields, validate

from abplat.api.schemas.definitions import StrictSchema, choice_field
from abplat.domain.phases import PHASE_KINDS
from abplat.services.simulations import MAX_GIVEN


class GivenUnit(StrictSchema):
    """A unit with what targeting sees of it."""

    unit = fields.String(required=True, validate=validate.Length(1, 256))
    attributes = fields.Dict(keys=fields.String(), load_default=dict)


class SimulationRequest(StrictSchema):
    """A change or a phase to try, and on whom."""

    changes = fields.Dict(keys=fields.String(), metadata={"description": "As in a change of the experiment"})
    phase = fields.Dict(
        keys=fields.String(),
        metadata={"description": "As a phase is begun; one of changes and phase is needed"},
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


class FieldChange(StrictSchema):
    """A field that would differ."""

    field = fields.String()
    before = fields.Raw(allow_none=True)
    after = fields.Raw(allow_none=True)


class PayloadChange(StrictSchema):
    """A payload that would differ."""

    variant = fields.String()
    channel = fields.String()
    before = fields.Raw(allow_none=True)
    after = fields.Raw(allow_none=True)


class TrafficShown(StrictSchema):
    """What customers are divided by."""

    weights = fields.Dict(keys=fields.String(), values=fields.Integer())
    included = fields.Integer()


class TriedPhase(StrictSchema):
    """What a phase would change."""

    kind = choice_field(PHASE_KINDS, "What it would be")
    before = fields.Nested(TrafficShown)
    after = fields.Nested(TrafficShown)
    share_moved = fields.Float(
        metadata={"description": "Share of customers whose answer changes, pins aside"}
    )


class SimulationResponse(StrictSchema):
    """What a change would move."""

    experiment = fields.String()
    state = fields.String()
    config_version = fields.String()
    fields_ = fields.List(fields.Nested(FieldChange), data_key="fields", attribute="fields")
    payloads = fields.List(fields.Nested(PayloadChange))
    state_after = fields.String(
        metadata={"description": "A checked experiment that is changed is a draft again"}
    )
    refused = fields.List(
        fields.String(), metadata={"description": "Fields that cannot change any more; saving is refused"}
    )
    refusal = fields.String(allow_none=True, metadata={"description": "Why saving would be refused"})
    phase = fields.Nested(TriedPhase, allow_none=True)
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
