"""Schemas of experiments."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from abplat.api.schemas.definitions import (
    DocumentSchema,
    StrictSchema,
    choice_field,
    duration_field,
    key_field,
    make_schemas,
    text_field,
)
from abplat.api.schemas.layers import SaltStored
from abplat.api.schemas.lifecycle import ConclusionStored
from abplat.domain.experiments import DECISION_RULES, KINDS, ROLES, SCALES, UNIT_TYPES
from abplat.domain.fields import MAX_TEXT
from abplat.domain.layers import BUCKETS
from abplat.domain.lifecycle import STATES
from abplat.domain.mechanisms import MOVES
from abplat.domain.predictions import DIRECTIONS

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
    margin = fields.Float(
        allow_none=True, metadata={"description": "What a guardrail may lose, on its scale"}
    )
    scale = choice_field(SCALES, "relative: a share of control; absolute: in the unit of the metric")


class PrerequisiteSchema(StrictSchema):
    """Another experiment that must have given one of these variants."""

    experiment = key_field(required=True)
    variants = fields.List(key_field(), required=True)


class PredictionSchema(StrictSchema):
    """The hypothesis in parts, fixed before a number is seen."""

    change = text_field("What is changed", MAX_TEXT, required=True)
    metric = key_field(required=True)
    direction = choice_field(DIRECTIONS, "Where the metric moves", required=True)
    size = fields.Float(allow_none=True, metadata={"description": "By which share"})
    time = duration_field("Within which time", allow_none=True)
    because = fields.String(metadata={"description": "Why it should"})


class ExpectedLinkSchema(StrictSchema):
    """What one link of the journey should do."""

    source = key_field(required=True)
    target = key_field(required=True)
    moves = choice_field(MOVES, "none: it must not move", required=True)
    size = fields.Float(allow_none=True, metadata={"description": "Relative change of its rate"})
    tolerance = fields.Float(
        allow_none=True, metadata={"description": "Points by which it may move after all"}
    )


class RampStepSchema(StrictSchema):
    """A share of customers, and all that must come to pass before the next one."""

    included = fields.Integer(
        required=True, validate=_BUCKET, metadata={"description": f"Share of {BUCKETS}"}
    )
    hold = duration_field("How long it lasts at least", allow_none=True)
    approval = fields.Boolean(metadata={"description": "Whether somebody has to approve"})
    min_sample = fields.Integer(allow_none=True, metadata={"description": "Customers per variant"})


class ScheduleSchema(StrictSchema):
    """When to start, when to stop, and in which steps to open."""

    start_at = fields.String(allow_none=True, metadata={"description": "Instant with an offset"})
    end_at = fields.String(allow_none=True, metadata={"description": "Instant with an offset"})
    ramp = fields.List(fields.Nested(RampStepSchema))


class ExperimentFields(Schema):
    """What is changed for whom, and what decides."""

    key = key_field(required=True)
    title = text_field("Name for people", required=True)
    owner = text_field("Who answers for it", required=True)
    hypothesis = fields.String(validate=validate.Length(max=MAX_TEXT))
    journey = key_field(required=True)
    unit_type = choice_field(
        UNIT_TYPES, "Type of the id that is hashed; store, team, household and account are drawn whole"
    )
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
    kind = choice_field(
        KINDS, "A comparison, a check that nothing differs, or one that was assigned elsewhere"
    )
    min_effect = fields.Float(
        allow_none=True, metadata={"description": "Smallest relative effect worth acting on"}
    )
    decision_rule = choice_field(
        DECISION_RULES, "What it takes to ship; non_inferiority needs goal_margin, do_no_harm min_effect"
    )
    goal_margin = fields.Float(
        allow_none=True, metadata={"description": "By which share the goal may be worse (non_inferiority)"}
    )
    prediction = fields.Nested(PredictionSchema, allow_none=True)
    mechanism = fields.List(fields.Nested(ExpectedLinkSchema))
    breakdowns = fields.List(
        fields.Raw(metadata={"description": "A dimension, or a list of two"}),
        metadata={
            "description": "By what the effect is broken down: entry_channel, new_returning, persona, segment:KEY, "
            "attribute:NAME; empty for what every project knows"
        },
    )
    schedule = fields.Nested(ScheduleSchema, allow_none=True)


class MomentSchema(StrictSchema):
    """When something took place; the present where nothing is said."""

    may_be_absent = True

    at = fields.AwareDateTime(
        metadata={"description": "A past instant, for an experiment whose facts are imported afterwards"}
    )


class StartSchema(MomentSchema):
    """A start."""

    anyway = text_field("Reason to start although the checklist has failed", MAX_TEXT)


class StopSchema(MomentSchema):
    """A stop."""

    reason = text_field("Why it ends", MAX_TEXT)


class ExperimentStored(SaltStored):
    """What the server knows of an experiment."""

    state = choice_field(STATES, "Where it is in its life")
    hash_version = fields.Integer()
    started_at = fields.AwareDateTime(allow_none=True)
    stopped_at = fields.AwareDateTime(allow_none=True)
    plan_hash = fields.String(
        allow_none=True, metadata={"description": "SHA-256 of everything that was frozen at the start"}
    )
    template = fields.String(allow_none=True, metadata={"description": "Key of the template it was made of"})
    killed_at = fields.AwareDateTime(
        allow_none=True, metadata={"description": "Since when everybody gets control"}
    )
    concluded_at = fields.AwareDateTime(allow_none=True)
    conclusion = fields.Nested(ConclusionStored, allow_none=True)
    phase = fields.Integer(allow_none=True, metadata={"description": "Number of the present phase"})
    coverage = fields.Integer(
        allow_none=True, metadata={"description": f"Share of {BUCKETS} that takes part now"}
    )
    weights = fields.Dict(
        keys=fields.String(),
        values=fields.Integer(),
        allow_none=True,
        metadata={"description": "Weights of the present phase"},
    )
    ramp_step = fields.Integer(allow_none=True, metadata={"description": "Position in the ramp, from 0"})
    ramp_since = fields.AwareDateTime(allow_none=True)
    ramp_approved = fields.Boolean()
    schedule_fault = fields.String(
        allow_none=True, metadata={"description": "Why what the schedule wants could not be done"}
    )


class ExperimentRequest(DocumentSchema, ExperimentFields):
    """An experiment to create; a template gives what it does not say."""

    template = key_field()


EXPERIMENT = make_schemas("Experiment", ExperimentFields, ExperimentStored)._replace(
    request=ExperimentRequest
)
