"""Which function measures which kind of metric."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from abplat.analysis.gathered import Gathered
from abplat.analysis.metrics import on_contacts, on_customers, on_events, on_journeys, on_scores
from abplat.analysis.metrics.rows import UnitRows, cut
from abplat.analysis.plan import AnalysisPlan, PlannedMetric

_BY_KIND: Final[dict[str, Callable[[PlannedMetric, Gathered, AnalysisPlan], UnitRows]]] = {
    "completion": on_journeys.measure_completion,
    "start": on_journeys.measure_start,
    "reach": on_journeys.measure_reach,
    "completion_per_journey": on_journeys.measure_completion_per_journey,
    "effort": on_journeys.measure_effort,
    "effort_per_completion": on_journeys.measure_effort_per_completion,
    "channel_switches": on_journeys.measure_switches,
    "link_conversion": on_journeys.measure_link_conversion,
    "link_rate": on_journeys.measure_link_rate,
    "backtracking": on_journeys.measure_backtracking,
    "recapture": on_journeys.measure_recapture,
    "abandonment": on_journeys.measure_abandonment,
    "lifecycle_progress": on_journeys.measure_lifecycle,
    "contacts": on_events.measure_touchpoint,
    "first_contact_resolution": on_contacts.measure_first_contact,
    "repeat_contact": on_contacts.measure_repeat,
    "avoidable_contacts": on_contacts.measure_avoidable,
    "complaints": on_events.measure_any,
    "touchpoint": on_events.measure_touchpoint,
    "value": on_events.measure_touchpoint,
    "value_per_journey": on_events.measure_value_per_journey,
    "renewal": on_customers.measure_renewal,
    "csat": on_scores.measure_score,
    "nps": on_scores.measure_score,
    "ces": on_scores.measure_score,
    "emotion": on_scores.measure_score,
    "response_rate": on_scores.measure_response,
    "coherence": on_customers.measure_coherence,
    "coverage": on_customers.measure_coverage,
    "crossover": on_customers.measure_crossover,
    "count": on_events.measure_touchpoint,
    "sum": on_events.measure_touchpoint,
    "distinct": on_events.measure_distinct,
    "mean": on_events.measure_mean,
    "ratio": on_events.measure_ratio,
    "threshold": on_events.measure_threshold,
    "retention": on_events.measure_any,
}


def has_unit_rows(metric: PlannedMetric) -> bool:
    """Tell whether a metric is one number per customer: times and quantiles are not."""
    return metric.kind == "composite" or metric.kind in _BY_KIND


def measure(metric: PlannedMetric, gathered: Gathered, plan: AnalysisPlan) -> UnitRows:
    """Return a metric's value for each exposed customer; zeros included.

    The same metric of the same facts is measured once.
    """
    key = (measure, id(metric), id(plan))
    # What the key names is kept, so that no other can ever have its number.
    return gathered.once(key, lambda: (metric, plan, _measure(metric, gathered, plan)))[2]


def _measure(metric: PlannedMetric, gathered: Gathered, plan: AnalysisPlan) -> UnitRows:
    """Measure a metric."""
    if metric.kind == "composite":
        return _add_up(metric, gathered, plan)
    return _BY_KIND[metric.kind](metric, gathered, plan)


def _add_up(metric: PlannedMetric, gathered: Gathered, plan: AnalysisPlan) -> UnitRows:
    """Return the weighted sum of the parts of a composite."""
    values = np.zeros(len(gathered.population))
    keep = np.ones(len(gathered.population), bool)
    for weight, part in metric.parts:
        found = measure(part, gathered, plan)
        values = values + weight * found.values
        keep = keep if found.keep is None else np.asarray(keep & found.keep)
    return cut(UnitRows(values, "mean", keep=keep), metric.detail.get("cap"), gathered.mature & keep)
