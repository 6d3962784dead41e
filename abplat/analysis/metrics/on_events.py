"""Metrics that count events after the exposure, whatever the journey."""

from __future__ import annotations

import numpy as np

from abplat.analysis.gathered import FloatArray, Gathered
from abplat.analysis.metrics.rows import UnitRows, cut, ratio, share, useful
from abplat.analysis.needs import OVER
from abplat.analysis.plan import AnalysisPlan, PlannedMetric
from abplat.analysis.tally import Span, inside, spans_of, tally, watched

_VALUED = frozenset({"value", "sum", "mean", "value_per_journey"})


def measure_touchpoint(metric: PlannedMetric, gathered: Gathered, _: AnalysisPlan) -> UnitRows:
    """The events of a touchpoint: who has any, how many, or what they are worth."""
    span = spans_of(metric, gathered.horizon_us)
    after, before = _around(metric, gathered, span)
    keep = watched(gathered, span)
    if metric.measure == "customers" and metric.kind == "touchpoint":
        after, before = np.minimum(after, 1.0), np.minimum(before, 1.0)
        covariate = useful(before, gathered.mature)
        return UnitRows(after, "proportion" if covariate is None else "mean", covariate, keep=keep)
    found = UnitRows(after, "mean", useful(before, gathered.mature), keep=keep)
    return cut(found, metric.detail.get("cap"), gathered.mature & keep)


def _around(metric: PlannedMetric, gathered: Gathered, span: Span) -> tuple[FloatArray, FloatArray]:
    """Return what each customer did after the exposure, and in as long a time before it."""
    contacts = gathered.contacts[metric.key]
    is_value = metric.kind in _VALUED or metric.measure == "value"
    after = tally(gathered, contacts, is_value=is_value, span=span)
    return after, tally(gathered, contacts, is_value=is_value, span=span, before=True)


def measure_distinct(metric: PlannedMetric, gathered: Gathered, _: AnalysisPlan) -> UnitRows:
    """How many different values of a property each customer has."""
    contacts, span = gathered.contacts[metric.key], spans_of(metric, gathered.horizon_us)
    label = np.full(len(contacts.unit), -1, np.int32) if contacts.label is None else contacts.label
    counts = []
    for before in (False, True):
        hit = inside(gathered, contacts, span, before=before) & (label >= 0)
        pairs = np.unique(np.stack([contacts.unit[hit], label[hit].astype(np.int64)]), axis=1)
        counts.append(np.bincount(pairs[0], minlength=len(gathered.population)).astype(np.float64))
    keep = watched(gathered, span)
    found = UnitRows(counts[0], "mean", useful(counts[1], gathered.mature), keep=keep)
    return cut(found, metric.detail.get("cap"), gathered.mature & keep)


def measure_mean(metric: PlannedMetric, gathered: Gathered, _: AnalysisPlan) -> UnitRows:
    """The mean over events: a ratio, for customers are drawn and not events."""
    contacts, span = gathered.contacts[metric.key], spans_of(metric, gathered.horizon_us)
    top, bottom = (tally(gathered, contacts, is_value=is_value, span=span) for is_value in (True, False))
    return cut(ratio(top, bottom, watched(gathered, span)), metric.detail.get("cap"), gathered.mature)


def measure_ratio(metric: PlannedMetric, gathered: Gathered, _: AnalysisPlan) -> UnitRows:
    """Events over other events, or their values."""
    span, is_value = spans_of(metric, gathered.horizon_us), metric.measure == "value"
    top, bottom = (
        tally(gathered, gathered.contacts[key], is_value=is_value, span=span)
        for key in (metric.key, metric.key + OVER)
    )
    return cut(ratio(top, bottom, watched(gathered, span)), metric.detail.get("cap"), gathered.mature)


def measure_threshold(metric: PlannedMetric, gathered: Gathered, _: AnalysisPlan) -> UnitRows:
    """Who is at or above a number."""
    span = spans_of(metric, gathered.horizon_us)
    after, _before = _around(metric, gathered, span)
    return share(after >= float(metric.detail["at_least"]), watched(gathered, span))


def measure_any(metric: PlannedMetric, gathered: Gathered, _: AnalysisPlan) -> UnitRows:
    """Who has an event in the window: retention, complaints."""
    span = spans_of(metric, gathered.horizon_us)
    after = tally(gathered, gathered.contacts[metric.key], is_value=False, span=span)
    return share(after > 0, watched(gathered, span))


def measure_value_per_journey(metric: PlannedMetric, gathered: Gathered, _: AnalysisPlan) -> UnitRows:
    """Value within the window over journeys."""
    span = spans_of(metric, gathered.horizon_us)
    top = tally(gathered, gathered.contacts[metric.key], is_value=True, span=span)
    bottom = gathered.walked[metric.journey].rows.journeys.astype(np.float64)
    return cut(ratio(top, bottom, watched(gathered, span)), metric.detail.get("cap"), gathered.mature)
