"""Metrics that are a time until something happens, with those censored to whom it has not yet."""

from __future__ import annotations

from typing import Final

import numpy as np

from abplat import stats
from abplat.analysis.gathered import Flags, FloatArray, Gathered
from abplat.analysis.metrics.on_journeys import cross_link
from abplat.analysis.metrics.rows import UnitRows
from abplat.analysis.plan import AnalysisPlan, PlannedMetric
from abplat.analysis.tally import time_to_complete

RISK_BINS = 1_000
TIME_KINDS: Final = ("time_to_complete", "churn", "link_latency")


def tabulate_risk(gathered: Gathered, plan: AnalysisPlan, journey: str) -> tuple[stats.RiskTable, ...]:
    """Return the risk table of time to complete per variant; immature customers are censored."""

    def make() -> tuple[AnalysisPlan, tuple[stats.RiskTable, ...]]:
        return plan, _by_variant(gathered, plan, *time_to_complete(gathered, journey))

    return gathered.once(("risk", id(plan), journey), make)[1]


def tabulate_metric(
    metric: PlannedMetric, gathered: Gathered, plan: AnalysisPlan
) -> tuple[stats.RiskTable, ...]:
    """Return the risk table of a metric per variant."""
    if metric.kind == "time_to_complete":
        return tabulate_risk(gathered, plan, metric.journey)
    if metric.kind == "churn":
        return _by_variant(gathered, plan, *_time_to_event(metric, gathered))
    return tabulate_link(metric, gathered, plan)


def spend_times(metric: PlannedMetric, gathered: Gathered, plan: AnalysisPlan) -> UnitRows | None:
    """Return the time each customer spent, up to the horizon; None for times that journeys have.

    Those who are mature were watched over the whole horizon, so nothing of it is censored.
    """
    if metric.kind == "link_latency":
        return None
    is_journey = metric.kind == "time_to_complete"
    times = (time_to_complete(gathered, metric.journey) if is_journey else _time_to_event(metric, gathered))[
        0
    ]
    return UnitRows(np.minimum(times, plan.horizon_us / 1e6), "mean", note="restricted mean time")


def tabulate_link(
    metric: PlannedMetric, gathered: Gathered, plan: AnalysisPlan
) -> tuple[stats.RiskTable, ...]:
    """Return the risk table of the time a link takes per variant, over journeys at its source."""
    found, unit = cross_link(metric, gathered, plan), gathered.walked[metric.journey].unit
    tables = []
    for variant in range(len(plan.variants)):
        mine = found.at_source & gathered.arm(variant)[unit]
        tables.append(_table(found.spent_us[mine] / 1e6, found.crossed[mine], plan))
    return tuple(tables)


def _time_to_event(metric: PlannedMetric, gathered: Gathered) -> tuple[FloatArray, Flags]:
    """Return seconds from exposure to the first event, and whether it was seen."""
    contacts, begin = gathered.contacts[metric.key], gathered.population.first_exposure
    never = np.iinfo(np.int64).max
    first = np.full(len(begin), never, np.int64)
    after = contacts.ts >= begin[contacts.unit]
    np.minimum.at(first, contacts.unit[after], contacts.ts[after])
    followed = np.minimum(gathered.horizon_us, gathered.as_of_us - begin)
    spent = np.where(first == never, never, first - np.where(first == never, 0, begin))
    observed = spent <= followed
    return np.where(observed, spent, followed) / 1e6, np.asarray(observed)


def _by_variant(
    gathered: Gathered, plan: AnalysisPlan, times: FloatArray, observed: Flags
) -> tuple[stats.RiskTable, ...]:
    """Return one table per variant, over everybody exposed."""
    arms = [gathered.population.variant == variant for variant in range(len(plan.variants))]
    return tuple(_table(times[arm], observed[arm], plan) for arm in arms)


def _table(times: FloatArray, observed: Flags, plan: AnalysisPlan) -> stats.RiskTable:
    """Return the table of some times up to the horizon."""
    return stats.RiskTable.from_times(times, observed, tau=plan.horizon_us / 1e6, n_bins=RISK_BINS)
