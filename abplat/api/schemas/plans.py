"""Schemas of plans."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from abplat.api.schemas.definitions import (
    DocumentSchema,
    ProblemItem,
    StrictSchema,
    choice_field,
    duration_field,
    key_field,
    text_field,
)
from abplat.domain.plan_parts import MAX_LOOKS, MONITORING, OUTCOMES, SPENDING
from abplat.domain.plans import (
    ALLOCATIONS,
    FAMILIES,
    MAX_ARMS,
    MAX_WEEKS,
    NULL_VARIANCES,
    QUESTIONS,
    SCALES,
)

STATES = ("queued", "running", "done", "failed")


def number(description: str) -> fields.Float:
    """Return the field of a number that may be left out."""
    return fields.Float(allow_none=True, metadata={"description": description})


class OutcomeNumbersSchema(StrictSchema):
    """What somebody knows of the metric; which fields are needed depends on the kind."""

    kind = choice_field(OUTCOMES, "Kind of the metric", required=True)
    baseline = number("Control value (mean, proportion, count, quantile)")
    sd = number("Standard deviation between units (mean)")
    dispersion = number("Variance over mean (count); 1 where left out")
    numerator_mean = number("Mean of the numerator per unit (ratio)")
    numerator_sd = number("Its standard deviation (ratio)")
    denominator_mean = number("Mean of the denominator per unit (ratio)")
    denominator_sd = number("Its standard deviation (ratio)")
    correlation = number("Correlation of numerator and denominator (ratio)")
    level = number("Level of the quantile; 0.5 where left out")
    density = number("Density of the events at the quantile, per unit of the metric")
    per_unit = number("Events per unit (quantile); 1 where left out")
    completed = number("Share that completes within the horizon (time_to_complete)")
    survival_by_day = fields.List(
        fields.Float(),
        allow_none=True,
        metadata={"description": "Instead: share still open at the end of day 1, 2.."},
    )


class ClusterSchema(StrictSchema):
    """Units that come in groups."""

    size = fields.Float(required=True, metadata={"description": "Mean units per cluster"})
    intraclass_correlation = fields.Float(required=True)
    size_variation = number("Standard deviation over mean of the sizes; 0 where left out")


class MonitoringSchema(StrictSchema):
    """When results will be read."""

    kind = choice_field(MONITORING, "fixed where left out")
    looks = fields.Integer(validate=validate.Range(1, MAX_LOOKS))
    spending = choice_field(SPENDING, "How a group sequential test spends alpha")
    parameter = number("Of hwang_shih_decani and kim_demets")


class TrafficSchema(StrictSchema):
    """New units as somebody expects them, instead of those of the history."""

    per_day = number("The same number every day")
    new_units_by_day = fields.List(
        fields.Float(), allow_none=True, metadata={"description": "Per day since a first one, 14 at least"}
    )
    share = number("Share of them that takes part")


class PlanFields(Schema):
    """A question about a test: outcome, or experiment, or metric with its horizon."""

    outcome = fields.Nested(OutcomeNumbersSchema, allow_none=True)
    experiment = key_field(allow_none=True)
    metric = key_field(allow_none=True)
    journey = key_field(allow_none=True)
    horizon = duration_field("How long after exposure a customer is watched", allow_none=True)
    history_of = key_field(allow_none=True)
    entry_event = text_field("Event whose first occurrence stands for the exposure", allow_none=True)
    as_of = fields.AwareDateTime(allow_none=True, metadata={"description": "Plan with what was known then"})
    covariate_correlation = number("Correlation with a covariate (outcome alone)")
    cluster = fields.Nested(ClusterSchema, allow_none=True)
    effect = number("Effect to be shown, on the scale; below 0 is a fall")
    hazard_ratio = number("Instead, for a time: above 1 is sooner")
    scale = choice_field(SCALES, "relative where left out", allow_none=True)
    n_units = fields.Integer(allow_none=True, metadata={"description": "Also answer what so many would show"})
    alpha = number("Error rate; that of the experiment, or 0.05")
    power = number("Chance of showing the effect; 0.8 where left out")
    sides = fields.Integer(allow_none=True, validate=validate.OneOf((1, 2)))
    margin = number("Non-inferiority margin, on the scale")
    question = choice_field(
        QUESTIONS, "What is to be shown; with a margin non_inferiority where left out", allow_none=True
    )
    null_variance = choice_field(
        NULL_VARIANCES,
        "restricted holds a share against its margin by Farrington and Manning",
        allow_none=True,
    )
    direction = choice_field(("up", "down"), "Which way is good", allow_none=True)
    arms = fields.Integer(allow_none=True, validate=validate.Range(2, MAX_ARMS))
    allocation = choice_field(
        ALLOCATIONS, "best makes control sqrt(treatments) times as large", allow_none=True
    )
    weights = fields.List(
        fields.Float(), allow_none=True, metadata={"description": "Control first, any scale"}
    )
    family = choice_field(FAMILIES, "How treatments share alpha", allow_none=True)
    guardrails = fields.Integer(allow_none=True, metadata={"description": "To be shown harmless as well"})
    monitoring = fields.Nested(MonitoringSchema, allow_none=True)
    traffic = fields.Nested(TrafficSchema, allow_none=True)
    starts_on = fields.Date(allow_none=True, metadata={"description": "First day; today where left out"})
    weeks = fields.Integer(
        allow_none=True, validate=validate.Range(1, MAX_WEEKS), metadata={"description": "Rows of the table"}
    )


class PlanRequestSchema(DocumentSchema, PlanFields):
    """What is asked."""


class ListedPlan(StrictSchema):
    """A plan as it stands, without its answer."""

    id = fields.String()
    state = choice_field(STATES, "done has an answer, failed has problems")
    request = fields.Dict(metadata={"description": "As it was sent"})
    problems = fields.List(fields.Nested(ProblemItem))
    created_at = fields.AwareDateTime()
    finished_at = fields.AwareDateTime(allow_none=True)


class PlanSchema(ListedPlan):
    """A plan as it stands."""

    answer = fields.Dict(allow_none=True, metadata={"description": "See docs/reference/planning.md"})


class DaysQuery(StrictSchema):
    """An effect that is asked about."""

    effect = fields.Float(
        required=True,
        validate=validate.Range(0, 1e9, min_inclusive=False),
        metadata={"description": "Size of the effect on the scale of the plan"},
    )


class DaysSchema(StrictSchema):
    """How long it takes to show an effect."""

    effect = fields.Float()
    days = fields.Integer(
        allow_none=True, metadata={"description": "Until the result; null where the weeks are not enough"}
    )


class PlanPage(StrictSchema):
    """Plans, the youngest first."""

    items = fields.List(fields.Nested(ListedPlan))
    next_cursor = fields.String(allow_none=True)
