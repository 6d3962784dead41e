"""Schemas of channels."""

from __future__ import annotations

from marshmallow import Schema, fields

from abplat.api.schemas.definitions import key_field, make_schemas, text_field


class ChannelFields(Schema):
    """A way to reach us: web, app, store, contact centre."""

    key = key_field(required=True)
    title = text_field("Name for people", required=True)
    cost = fields.Float(allow_none=True, metadata={"description": "What one contact costs"})


CHANNEL = make_schemas("Channel", ChannelFields)
