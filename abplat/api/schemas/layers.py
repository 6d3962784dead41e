"""Schemas of layers."""

from __future__ import annotations

from marshmallow import Schema, fields

from abplat.api.schemas.definitions import StoredSchema, key_field, make_schemas, text_field


class LayerFields(Schema):
    """Experiments whose slots in one layer do not overlap never share a customer."""

    key = key_field(required=True)
    title = text_field("Name for people", required=True)


class SaltStored(StoredSchema):
    """What the server knows of something that is hashed."""

    salt = fields.String(metadata={"description": "Made by the server; never changes"})


LAYER = make_schemas("Layer", LayerFields, SaltStored)
