"""What experiments did to a metric: the effects of their latest reports, and its value in control."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

import msgspec
from sqlalchemy.orm import Session

from abplat.db.queries import definitions, reports
from abplat.domain.catalogue import METRICS
from abplat.domain.report import Report, decode_report


class MetricEffect(NamedTuple):
    """What one variant of one experiment did to a metric.

    Attributes:
        experiment: Key of the experiment.
        title: Its title.
        role: What the metric did in it.
        variant: Key of the variant.
        as_of: Up to when its latest report looked.
        unit: share, count, seconds or value.
        baseline: Value in control.
        rel_effect: Effect as a share of control.
        rel_ci_lower: Lower end of the plausible change.
        rel_ci_upper: Upper end of it.
        verdict: What the report says of it; ``not_trusted`` where a check failed.
    """

    experiment: str
    title: str
    role: str
    variant: str
    as_of: datetime
    unit: str
    baseline: float | None
    rel_effect: float | None
    rel_ci_lower: float | None
    rel_ci_upper: float | None
    verdict: str


def list_effects(session: Session, project: str, key: str) -> list[MetricEffect]:
    """Return what the experiments did to a metric, the oldest look first.

    Raises:
        NotFoundError: If the project has no such metric.
    """
    definitions.get(session, METRICS, project, key)
    found: list[MetricEffect] = []
    for stored in reports.list_youngest(session, project):
        if key.encode() in stored.document:  # most reports do not name it; those need not be read
            found += _of_report(stored.document, stored.as_of, key)
    return sorted(found, key=lambda each: (each.as_of, each.experiment, each.variant))


def _of_report(document: bytes, as_of: datetime, key: str) -> list[MetricEffect]:
    """Return what one report says of a metric; nothing where another version of abplat wrote it."""
    try:
        report: Report = decode_report(document)
    except msgspec.DecodeError:
        return []
    is_withheld = any(finding.severity == "block" for finding in report.findings)
    control = next((arm.key for arm in report.experiment.variants if arm.is_control), None)
    return [
        MetricEffect(
            experiment=report.experiment.key,
            title=report.experiment.title,
            role=metric.role,
            variant=effect.variant,
            as_of=as_of,
            unit=metric.unit,
            baseline=next((each.value for each in metric.values if each.variant == control), None),
            rel_effect=effect.rel_effect,
            rel_ci_lower=effect.rel_ci_lower,
            rel_ci_upper=effect.rel_ci_upper,
            verdict="not_trusted" if is_withheld else effect.verdict,
        )
        for metric in report.metrics
        if metric.key == key
        for effect in metric.effects
    ]
