"""Schemas of pictures."""

from __future__ import annotations

from marshmallow import fields

from abplat.api.schemas.definitions import StrictSchema
from abplat.domain.pictures import MEDIA_TYPES


class PictureSchema(StrictSchema):
    """What is known of a picture."""

    variant = fields.String()
    channel = fields.String()
    media_type = fields.String(metadata={"description": f"By its content: {', '.join(MEDIA_TYPES)}"})
    width = fields.Integer()
    height = fields.Integer()
    hash = fields.String(metadata={"description": "SHA-256 of the file"})
    author = fields.String()
    created_at = fields.AwareDateTime()


class PictureList(StrictSchema):
    """The pictures of an experiment."""

    items = fields.List(fields.Nested(PictureSchema))
