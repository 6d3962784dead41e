"""Schemas of experiments."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from abplat.api.schemas.definitions import (
    StrictSchema,
    choice_field,
    duration_field,
    key_field,
    make_schemas,
    text_field,
)
from abplat.api.schemas.layers import SaltStored
from abplat.domain.experiments import ID_TYPES, KINDS, ROLES
from abplat.domain.fields import MAX_TEXT
from abplat.domain.layers import BUCKETS
from abplat.domain.lifecycle import STATES

_BUCKET = validate.Range(0, BUCKETS)


class VariantSchema(StrictSchema):
    """One arm; the first one is control."""

    key = key_field(required=True)
    title = text_field("Name for people", allow_none=True)
    weight = fields.Integer(required=True, validate=_BUCKET, metadata={"description": f"Share of {BUCKETS}"})
    payloads = fields.Dict(keys=fields.String(), metadata={"description": "Any JSON per channel"})


class MetricUseSchema(StrictSchema):
    """The role of a metric in this experiment."""

    metric = key_field(required=True)
    role = choice_field(ROLES, "Exactly one is primary: an outcome of the journey", required=True)
    margin = fields.Float(allow_none=True, metadata={"description": "Share that a guardrail may lose"})


class PrerequisiteSchema(StrictSchema):
    """Another experiment that must have given one of these variants."""

    experiment = key_field(required=True)
    variants = fields.List(key_field(), required=True)


class ExperimentFields(Schema):
    """What is changed for whom, and what decides."""

    key = key_field(required=True)
    title = text_field("Name for people", required=True)
    owner = text_field("Who answers for it", required=True)
    hypothesis = fields.String(validate=validate.Length(max=MAX_TEXT))
    journey = key_field(required=True)
    unit_type = choice_field(ID_TYPES, "Type of the id that is hashed")
    layer = key_field(allow_none=True)
    slot = fields.List(
        fields.Integer(), allow_none=True, metadata={"description": "Buckets [from, to) of the layer"}
    )
    holdouts = fields.List(key_field())
    prerequisites = fields.List(fields.Nested(PrerequisiteSchema))
    included = fields.Integer(
        validate=_BUCKET, metadata={"description": f"Share of {BUCKETS} that takes part"}
    )
    variants = fields.List(fields.Nested(VariantSchema), required=True)
    targeting = fields.Dict(allow_none=True, metadata={"description": "Rule that says who takes part"})
    overrides = fields.Dict(keys=fields.String(), values=fields.String())
    metrics = fields.List(fields.Nested(MetricUseSchema), required=True)
    horizon = duration_field("How long after exposure a customer is watched", required=True)
    alpha = fields.Float()
    exposure_grace = duration_field(
        "Journeys that start this long before the exposure count", allow_none=True
    )
    decide_after = duration_field("Planned run time", allow_none=True)
    kind = choice_field(KINDS, "A comparison, or a check that nothing differs")
    min_effect = fields.Float(
        allow_none=True, metadata={"description": "Smallest relative effect worth acting on"}
    )


class MomentSchema(StrictSchema):
    """When something took place; the present where nothing is said."""

    may_be_absent = True

    at = fields.AwareDateTime(
        metadata={"description": "A past instant, for an experiment whose facts are imported afterwards"}
    )


class ExperimentStored(SaltStored):
    """What the server knows of an experiment."""

    state = choice_field(STATES, "Where it is in its life")
    hash_version = fields.Integer()
    started_at = fields.AwareDateTime(allow_none=True)
    stopped_at = fields.AwareDateTime(allow_none=True)
    plan_hash = fields.String(
        allow_none=True, metadata={"description": "SHA-256 of everything that was frozen at the start"}
    )


EXPERIMENT = make_schemas("Experiment", ExperimentFields, ExperimentStored)
