"""Schemas of what experiments did to a metric."""

from __future__ import annotations

from marshmallow import fields

from abplat.api.schemas.definitions import StrictSchema


class MetricEffectSchema(StrictSchema):
    """What one variant of one experiment did to a metric."""

    experiment = fields.String()
    title = fields.String()
    role = fields.String()
    variant = fields.String()
    as_of = fields.AwareDateTime()
    unit = fields.String()
    baseline = fields.Float(allow_none=True, metadata={"description": "Value in control"})
    rel_effect = fields.Float(allow_none=True)
    rel_ci_lower = fields.Float(allow_none=True)
    rel_ci_upper = fields.Float(allow_none=True)
    verdict = fields.String(metadata={"description": "not_trusted where a check failed"})


class MetricEffectList(StrictSchema):
    """Effects of the latest reports, the oldest look first."""

    items = fields.List(fields.Nested(MetricEffectSchema))
