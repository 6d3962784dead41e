"""Schemas of touchpoints."""

from __future__ import annotations

from marshmallow import Schema, fields

from abplat.api.schemas.definitions import choice_field, key_field, make_schemas, text_field
from abplat.domain.touchpoints import DIRECTIONS


class TouchpointFields(Schema):
    """One kind of contact, in the registry with its owner."""

    key = key_field(required=True)
    title = text_field("Name for people", required=True)
    event = text_field("Name of the event that records it", required=True)
    channel = key_field(required=True)
    owner = text_field("Who answers for it", required=True)
    department = text_field("Department that runs it", allow_none=True)
    direction = choice_field(DIRECTIONS, "Who contacts whom")
    variant_capable = fields.Boolean(metadata={"description": "Whether it can show a variant"})


TOUCHPOINT = make_schemas("Touchpoint", TouchpointFields)
