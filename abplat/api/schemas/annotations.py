"""Schemas of annotations."""

from __future__ import annotations

from marshmallow import Schema, fields

from abplat.api.schemas.definitions import choice_field, key_field, make_schemas, text_field
from abplat.domain.annotations import KINDS
from abplat.domain.fields import MAX_TEXT


class AnnotationFields(Schema):
    """Something that happened while experiments ran: it is marked on every picture over time."""

    key = key_field(required=True)
    title = text_field("What happened, in a few words", required=True)
    kind = choice_field(KINDS, "What it is", required=True)
    starts_at = fields.String(required=True, metadata={"description": "Instant with an offset"})
    ends_at = fields.String(
        allow_none=True, metadata={"description": "Instant with an offset; none where it was one instant"}
    )
    channel = key_field(allow_none=True)
    touchpoint = key_field(allow_none=True)
    text = text_field("More about it", MAX_TEXT)


ANNOTATION = make_schemas("Annotation", AnnotationFields)
