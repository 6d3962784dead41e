"""Schemas of metrics."""

from __future__ import annotations

from marshmallow import Schema, fields

from abplat.api.schemas.definitions import (
    DocumentSchema,
    StrictSchema,
    VersionedSchema,
    choice_field,
    duration_field,
    key_field,
    make_schemas,
    text_field,
)
from abplat.api.schemas.journeys import MatcherSchema
from abplat.domain.experiments import SCALES
from abplat.domain.metric_kinds import KINDS, MEASURES
from abplat.domain.metric_standings import MAX_NOTE, STATUSES


class CapSchema(StrictSchema):
    """Where a customer's value is cut off."""

    at = fields.Float(allow_none=True, metadata={"description": "At this number"})
    quantile = fields.Float(
        allow_none=True, metadata={"description": "At this quantile of all arms together"}
    )
    ignore_zeros = fields.Boolean()


class PartSchema(StrictSchema):
    """One metric of a composite."""

    metric = key_field(required=True)
    weight = fields.Float(required=True, metadata={"description": "What one unit of it is worth"})


class MetricFields(Schema):
    """What is counted, per customer, on a journey or at a touchpoint."""

    key = key_field(required=True)
    title = text_field("Name for people", required=True)
    owner = text_field("Who answers for it", required=True)
    description = text_field("What it means, in words", 4_000)
    kind = choice_field(KINDS, "What is counted; GET /v1/metrics/kinds tells what each needs", required=True)
    journey = key_field(allow_none=True)
    direction = choice_field(("up", "down"), "Which way is good")
    stage = key_field(allow_none=True)
    match = fields.List(fields.Nested(MatcherSchema))
    measure = choice_field(MEASURES, "What of it is counted", allow_none=True)
    margin = fields.Float(allow_none=True, metadata={"description": "Margin proposed for a guardrail"})
    scale = choice_field(SCALES, "Whether that margin is a share of control or an amount", allow_none=True)
    source = key_field(allow_none=True)
    target = key_field(allow_none=True)
    from_channel = key_field(allow_none=True)
    to_channel = key_field(allow_none=True)
    over = fields.List(fields.Nested(MatcherSchema))
    property = text_field("Property to be read", allow_none=True)
    score = text_field("Score that customers give", allow_none=True)
    channels = fields.List(fields.String())
    levels = fields.List(fields.String())
    window = duration_field("How long is counted", allow_none=True)
    delay = duration_field("How long after the exposure counting begins", allow_none=True)
    within = duration_field("How soon a second contact is a repeat", allow_none=True)
    follow_up = duration_field("How long after the horizon is counted too", allow_none=True)
    cap = fields.Nested(CapSchema, allow_none=True)
    quantile = fields.Float(allow_none=True)
    at_least = fields.Float(allow_none=True)
    bounds = fields.List(
        fields.Float(), allow_none=True, metadata={"description": "Lowest and highest score"}
    )
    parts = fields.List(fields.Nested(PartSchema))


class KindSchema(StrictSchema):
    """One row of the catalogue of kinds."""

    key = fields.String()
    counts = fields.String()
    denominator = fields.String(metadata={"description": "N: the exposed mature customers of an arm"})
    treatment = fields.String()
    unit = fields.String()
    direction = fields.String()
    needs = fields.List(fields.String())
    may = fields.List(fields.String())
    measures = fields.List(fields.String())
    margin = fields.Float(allow_none=True, metadata={"description": "Default margin of a guardrail"})
    scale = fields.String()
    is_descriptive = fields.Boolean(metadata={"description": "Gets numbers, never a verdict"})
    is_quality = fields.Boolean()


class KindList(StrictSchema):
    """All kinds."""

    items = fields.List(fields.Nested(KindSchema))


class UsedBySchema(StrictSchema):
    """Where a metric is used."""

    noun = fields.String(metadata={"description": "experiments, templates or metrics (composites)"})
    key = fields.String()
    role = fields.String(allow_none=True)
    state = fields.String(allow_none=True)


class MetricUses(StrictSchema):
    """Everything that uses a metric."""

    items = fields.List(fields.Nested(UsedBySchema))


class HistoryRequestSchema(DocumentSchema):
    """How the past of a metric is to be read."""

    may_be_absent = True
    horizon = duration_field("How long each customer is watched; 7d", allow_none=True)
    journey = key_field(allow_none=True)


class HistoryQueued(StrictSchema):
    """The job that will read the past."""

    job = fields.Integer(metadata={"description": "Number of the job"})


class MetricHistorySchema(StrictSchema):
    """What the past says of a metric; null where there is no number, with a reason."""

    metric = fields.String()
    as_of = fields.String()
    horizon = fields.String()
    source = fields.String(metadata={"description": "exposures or first_touchpoints"})
    window_from = fields.String(allow_none=True)
    window_to = fields.String(allow_none=True)
    n = fields.Integer(metadata={"description": "Customers"})
    value = fields.Float(allow_none=True)
    variance = fields.Float(allow_none=True, metadata={"description": "Per customer"})
    skewness = fields.Float(allow_none=True)
    covariate_gain = fields.Float(allow_none=True, metadata={"description": "Share of variance taken away"})
    days = fields.List(fields.Dict(keys=fields.String()))
    capping = fields.Dict(keys=fields.String(), allow_none=True)
    mde = fields.List(fields.Dict(keys=fields.String()), metadata={"description": "In 2, 4 and 8 weeks"})
    false_positives = fields.Dict(keys=fields.String(), allow_none=True)
    drift = fields.List(
        fields.Dict(keys=fields.String()),
        metadata={"description": "Value or variance, where the last 14 days have left the days before"},
    )
    marks = fields.List(
        fields.Dict(keys=fields.String()),
        metadata={"description": "Days whose data were not as they should be"},
    )
    definition_version = fields.Integer(
        allow_none=True, metadata={"description": "Version of the metric whose past was read"}
    )
    reason = fields.String(allow_none=True)


class StandingRequest(StrictSchema):
    """What is said of a metric as it is defined now."""

    status = choice_field(STATUSES, "certified: others may rely on it", required=True)
    note = text_field("Why", MAX_NOTE)


class StandingSchema(StrictSchema):
    """What was said of a metric."""

    metric = fields.String()
    status = choice_field(STATUSES, "A certificate of an older version counts no longer: draft")
    said = choice_field(STATUSES, "What was said last, whatever has changed since")
    definition_version = fields.Integer(allow_none=True)
    actor = fields.String(allow_none=True)
    at = fields.AwareDateTime(allow_none=True)
    note = fields.String()


class StandingList(StrictSchema):
    """What was said of every metric."""

    items = fields.List(fields.Nested(StandingSchema))


METRIC = make_schemas("Metric", MetricFields, VersionedSchema)
