"""Schemas of layers."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from abplat.api.schemas.definitions import (
    StoredSchema,
    StrictSchema,
    key_field,
    make_schemas,
    text_field,
)
from abplat.domain.layers import BUCKETS


class LayerFields(Schema):
    """Experiments whose slots in one layer do not overlap never share a customer."""

    key = key_field(required=True)
    title = text_field("Name for people", required=True)


class SaltStored(StoredSchema):
    """What the server knows of something that is hashed."""

    salt = fields.String(metadata={"description": "Made by the server; never changes"})


LAYER = make_schemas("Layer", LayerFields, SaltStored)


class SlotQuery(StrictSchema):
    """How wide a slot is wanted."""

    size = fields.Integer(
        load_default=None,
        strict=False,
        validate=validate.Range(1, BUCKETS),
        metadata={"description": f"Of {BUCKETS}; the widest gap when left out"},
    )


class OccupiedSlot(StrictSchema):
    """An experiment and its slot."""

    experiment = fields.String()
    state = fields.String()
    slot = fields.List(fields.Integer())


class LayerSlots(StrictSchema):
    """Who occupies a layer and what is free."""

    layer = fields.String()
    occupied = fields.List(fields.Nested(OccupiedSlot))
    drafts = fields.List(fields.Nested(OccupiedSlot), metadata={"description": "They take no room yet"})
    free = fields.List(fields.List(fields.Integer()))
    free_share = fields.Float()
    size = fields.Integer()
    suggested = fields.List(
        fields.Integer(), allow_none=True, metadata={"description": "Null where no gap is as wide"}
    )
