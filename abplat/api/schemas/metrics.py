"""Schemas of metrics."""

from __future__ import annotations

from marshmallow import Schema, fields

from abplat.api.schemas.definitions import choice_field, key_field, make_schemas, text_field
from abplat.api.schemas.journeys import MatcherSchema
from abplat.domain.metrics import KINDS, MEASURES


class MetricFields(Schema):
    """What is counted, per customer, on a journey or at a touchpoint."""

    key = key_field(required=True)
    title = text_field("Name for people", required=True)
    owner = text_field("Who answers for it", required=True)
    kind = choice_field(KINDS, "What is counted", required=True)
    journey = key_field(allow_none=True)
    direction = choice_field(("up", "down"), "Which way is good")
    stage = key_field(allow_none=True)
    match = fields.List(fields.Nested(MatcherSchema))
    measure = choice_field(MEASURES, "What a touchpoint metric counts", allow_none=True)


METRIC = make_schemas("Metric", MetricFields)
