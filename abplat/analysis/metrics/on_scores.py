"""Metrics of satisfaction: one answer per customer, the first after the exposure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from abplat.analysis.gathered import Flags, FloatArray, Gathered
from abplat.analysis.metrics.rows import UnitRows, share
from abplat.analysis.needs import OVER
from abplat.analysis.plan import AnalysisPlan, PlannedMetric
from abplat.analysis.tally import Span, inside, spans_of, watched

BOUNDS = {"csat": (1.0, 5.0), "ces": (1.0, 7.0), "nps": (0.0, 10.0), "emotion": (-1.0, 1.0)}
"""Lowest and highest score that can be given, unless a metric says otherwise."""
STRONGLY_NEGATIVE = -0.5
PROMOTERS_FROM, DETRACTORS_TO = 9.0, 6.0


class Answers(NamedTuple):
    """The first answer of each customer."""

    has: Flags
    value: FloatArray


def bounds_of(metric: PlannedMetric) -> tuple[float, float]:
    """Return the lowest and highest score."""
    low, high = metric.detail.get("bounds") or BOUNDS[metric.kind]
    return float(low), float(high)


def first_answers(metric: PlannedMetric, gathered: Gathered) -> Answers:
    """Return each customer's first answer within the window."""
    n = len(gathered.population)
    given, span = gathered.scores[str(metric.detail["score"])], spans_of(metric, gathered.horizon_us)
    hit = inside(gathered, given, span)
    if metric.kind in BOUNDS:
        low, high = bounds_of(metric)
        hit &= (given.value >= low) & (given.value <= high)
    has, value = np.zeros(n, bool), np.zeros(n)
    # They stand in the order of time, so that the first is written last.
    value[given.unit[hit][::-1]] = given.value[hit][::-1]
    has[given.unit[hit]] = True
    return Answers(has, value)


def measure_score(metric: PlannedMetric, gathered: Gathered, _: AnalysisPlan) -> UnitRows:
    """The answers of those who answered: CSAT, NPS, CES, emotion."""
    answers, keep = first_answers(metric, gathered), watched(gathered, spans_of(metric, gathered.horizon_us))
    counting = np.asarray(answers.has & keep)
    if metric.kind == "csat" and metric.measure == "share":
        return share(answers.value >= bounds_of(metric)[1] - 1, counting)
    if metric.kind == "emotion" and metric.measure == "share":
        return share(answers.value <= STRONGLY_NEGATIVE, counting)
    values = answers.value
    if metric.kind == "nps":
        values = 100.0 * ((values >= PROMOTERS_FROM).astype(float) - (values <= DETRACTORS_TO))
    return UnitRows(values, "mean", keep=counting)


def measure_response(metric: PlannedMetric, gathered: Gathered, _: AnalysisPlan) -> UnitRows:
    """Who answered, of those who were invited."""
    invited = were_invited(metric, gathered)
    keep = watched(gathered, spans_of(metric, gathered.horizon_us))
    return share(first_answers(metric, gathered).has & invited, np.asarray(invited & keep))


def were_invited(metric: PlannedMetric, gathered: Gathered) -> Flags:
    """Return who was asked for a score within the window."""
    contacts = gathered.contacts[metric.key + OVER]
    span: Span = spans_of(metric, gathered.horizon_us)
    found = np.zeros(len(gathered.population), bool)
    found[contacts.unit[inside(gathered, contacts, span)]] = True
    return found


def response_metric(plan: AnalysisPlan, score: Any) -> PlannedMetric | None:
    """Return the metric that says who was invited to give a score."""
    metrics: Sequence[PlannedMetric] = plan.metrics
    return next(
        (each for each in metrics if each.kind == "response_rate" and each.detail["score"] == score), None
    )
