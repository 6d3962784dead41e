"""Schemas of journeys."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from abplat.api.schemas.definitions import (
    StoredSchema,
    StrictSchema,
    choice_field,
    duration_field,
    key_field,
    make_schemas,
    text_field,
)
from abplat.domain.fields import MAX_TITLE
from abplat.domain.journey_counts import PERIODS
from abplat.domain.journeys import ORDERINGS, REENTRIES


class MatcherSchema(StrictSchema):
    """A condition on one event; all parts given must hold."""

    event = text_field("Name of the event", required=True)
    channel = fields.Raw(metadata={"description": "A channel, or a list of them"})
    props = fields.Dict(
        keys=fields.String(), metadata={"description": "Wanted value, or list of values, per property"}
    )


class StageSchema(StrictSchema):
    """A named place on the journey."""

    key = key_field(required=True)
    title = text_field("Name for people", allow_none=True)
    match = fields.List(fields.Nested(MatcherSchema), required=True)
    optional = fields.Boolean()
    within = duration_field("Longest time since the required stage before", allow_none=True)
    lifecycle = text_field("Free label", allow_none=True)
    moment_of_truth = fields.Boolean()
    department = text_field("Department that runs it", allow_none=True)


class ExcludeSchema(StrictSchema):
    """Events that end the journey."""

    match = fields.List(fields.Nested(MatcherSchema), required=True)
    after = key_field(allow_none=True)
    before = key_field(allow_none=True)


class JourneyFields(Schema):
    """A path that a customer can take, through any channel."""

    key = key_field(required=True)
    title = text_field("Name for people", allow_none=True)
    owner = text_field("Who answers for the journey", required=True)
    stages = fields.List(fields.Nested(StageSchema), required=True)
    ordering = choice_field(ORDERINGS, "How strictly the order of stages is kept")
    window = duration_field("Longest time from its start", required=True)
    inactivity = duration_field("Longest silence", allow_none=True)
    reentry = choice_field(REENTRIES, "When another journey of the same customer starts")
    exclude = fields.List(fields.Nested(ExcludeSchema), allow_none=True)  # type: ignore[assignment]
    correlate_by = text_field("Property that tells parallel journeys apart", allow_none=True)
    scope = fields.List(fields.String(), allow_none=True)
    lateness = duration_field("After which an abandonment is final", allow_none=True)
    personas = fields.List(fields.String(), allow_none=True)


class JourneyStored(StoredSchema):
    """What the server knows of a journey."""

    version = fields.Integer(metadata={"description": "Grows when what is measured changes"})


class JourneyVersions(StrictSchema):
    """Every version of a journey, oldest first."""

    items = fields.List(fields.Dict(keys=fields.String()))


class KpiComparison(StrictSchema):
    """A KPI and its journey in one variant of one experiment."""

    experiment = fields.String()
    variant = fields.String()
    as_of = fields.String()
    kpi_effect = fields.Float(allow_none=True, metadata={"description": "Relative effect"})
    kpi_verdict = fields.String()
    journey_effect = fields.Float(allow_none=True, metadata={"description": "Relative effect"})
    journey_verdict = fields.String()
    agrees = fields.Boolean()


class KpiRecord(StrictSchema):
    """How often a KPI agreed with the journey."""

    kpi = fields.String()
    title = fields.String()
    n = fields.Integer(metadata={"description": "Comparisons: variants of experiments"})
    n_experiments = fields.Integer()
    same_sign = fields.Integer()
    share = fields.Float(metadata={"description": "Share of the same sign"})
    ci_lower = fields.Float()
    ci_upper = fields.Float()
    both_shown = fields.Integer()
    agreed = fields.Integer()
    contradicted = fields.Integer()
    kpi_only = fields.Integer()
    journey_only = fields.Integer()
    record = choice_field(("reliable", "mixed", "poor", "unknown"), "The record in a word")
    comparisons = fields.List(fields.Nested(KpiComparison))


class KpiLedger(StrictSchema):
    """Every KPI of a journey, those with most comparisons first."""

    items = fields.List(fields.Nested(KpiRecord))


class CountOptionsFields(Schema):
    """Which journeys are counted."""

    days = fields.Integer(validate=validate.OneOf(PERIODS), metadata={"description": "How far to look back"})
    segment = key_field(allow_none=True)
    channel = fields.String(
        allow_none=True,
        validate=validate.Length(1, MAX_TITLE),
        metadata={"description": "Channel of the first stage"},
    )


class CountRequest(StrictSchema, CountOptionsFields):
    """What is to be counted."""

    may_be_absent = True


class CountQuery(StrictSchema, CountOptionsFields):
    """Which counts are read."""

    days = fields.Integer(
        strict=False,
        validate=validate.OneOf(PERIODS),
        metadata={"description": "How far they look back"},
    )


class CountStored(StrictSchema):
    """Counts of a journey as they stand."""

    state = choice_field(("queued", "done", "failed"), "queued may still hold the counts before")
    fault = fields.String(allow_none=True)
    asked_at = fields.AwareDateTime()
    finished_at = fields.AwareDateTime(allow_none=True)
    counts = fields.Dict(
        allow_none=True,
        metadata={
            "description": "Stages, cells, ways with examples, ends and steps: see docs/reference/journeys.md"
        },
    )


JOURNEY = make_schemas("Journey", JourneyFields, JourneyStored)
