"""Schemas of personas."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from abplat.api.schemas.definitions import (
    VersionedSchema,
    choice_field,
    key_field,
    make_schemas,
    text_field,
)
from abplat.domain.fields import MAX_TEXT
from abplat.domain.personas import ORIGINS


class PersonaFields(Schema):
    """A kind of customer."""

    key = key_field(required=True)
    title = text_field("Name for people", required=True)
    owner = text_field("Who answers for it", allow_none=True)
    origin = choice_field(ORIGINS, "Where it comes from", required=True)
    description = fields.String(validate=validate.Length(max=MAX_TEXT))
    rule = fields.Dict(required=True, metadata={"description": "Rule over attributes that tells one"})


PERSONA = make_schemas("Persona", PersonaFields, VersionedSchema)
