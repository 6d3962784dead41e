"""Schemas of observations."""

from __future__ import annotations

from marshmallow import Schema, fields

from abplat.api.schemas.definitions import StrictSchema, choice_field, key_field, make_schemas, text_field
from abplat.domain.fields import MAX_TEXT
from abplat.domain.observations import KINDS, LEANINGS


class PointSchema(StrictSchema):
    """One number of an external series."""

    at = fields.String(required=True, metadata={"description": "Instant with an offset"})
    value = fields.Float(required=True)


class ObservationFields(Schema):
    """An evidence item or an external series: it explains a result and never enters an estimate."""

    key = key_field(required=True)
    title = text_field("Name for people", required=True)
    owner = text_field("Who answers for it", required=True)
    kind = choice_field(KINDS, "What it is", required=True)
    journey = key_field(allow_none=True)
    experiment = key_field(allow_none=True)
    variant = key_field(allow_none=True)
    stage = key_field(allow_none=True)
    observed_from = fields.String(required=True, metadata={"description": "Instant with an offset"})
    observed_to = fields.String(allow_none=True, metadata={"description": "Instant with an offset"})
    n = fields.Integer(allow_none=True, metadata={"description": "People, visits or answers it rests on"})
    finding = text_field("What was found, in a sentence", MAX_TEXT)
    leaning = choice_field(LEANINGS, "Whether it speaks for the change")
    source = text_field("Where it comes from", MAX_TEXT)
    unit = text_field("What a series is counted in")
    points = fields.List(fields.Nested(PointSchema))


OBSERVATION = make_schemas("Observation", ObservationFields)
