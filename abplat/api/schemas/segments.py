"""Schemas of segments."""

from __future__ import annotations

from marshmallow import Schema, fields

from abplat.api.schemas.definitions import VersionedSchema, key_field, make_schemas, text_field


class SegmentFields(Schema):
    """A named set of units: a list of members, or a rule over attributes."""

    key = key_field(required=True)
    title = text_field("Name for people", required=True)
    owner = text_field("Who answers for it", allow_none=True)
    members = fields.List(fields.String(), allow_none=True, metadata={"description": "Ids, each once"})
    rule = fields.Dict(allow_none=True, metadata={"description": "Rule over attributes; in place of members"})


SEGMENT = make_schemas("Segment", SegmentFields, VersionedSchema)
