"""From gathered facts to one number per customer, for each metric of the plan."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from abplat import stats
from abplat.analysis.gathered import Flags, FloatArray, Gathered
from abplat.analysis.plan import AnalysisPlan, PlannedMetric
from abplat.analysis.tally import tally, time_to_complete

RISK_BINS = 1_000
_DIGITS = 6


@dataclass(frozen=True, slots=True)
class UnitRows:
    """One metric over all exposed customers, in the order of the population."""

    values: FloatArray
    kind: Literal["mean", "proportion"]
    covariate: FloatArray | None = None


def measure(metric: PlannedMetric, gathered: Gathered, plan: AnalysisPlan) -> UnitRows:
    """Return a metric's value for each exposed customer; zeros included."""
    if metric.key in gathered.contacts:
        return _measure_contacts(metric, gathered)
    walked = gathered.walked[metric.journey]
    if metric.kind == "effort":
        values = walked.rows.touchpoints.astype(np.float64)
        return UnitRows(values, "mean", _useful(walked.effort_before, gathered.mature))
    return UnitRows(_share(metric, gathered, plan).astype(np.float64), "proportion")


def _share(metric: PlannedMetric, gathered: Gathered, plan: AnalysisPlan) -> Flags:
    """Return which customers did what a share counts."""
    rows = gathered.walked[metric.journey].rows
    if metric.kind == "completion":
        return rows.completed
    if metric.kind == "start":
        return rows.started
    stages = [stage["key"] for stage in plan.journeys[metric.journey]["stages"]]
    return np.asarray(rows.reached[:, stages.index(metric.stage)])


def _measure_contacts(metric: PlannedMetric, gathered: Gathered) -> UnitRows:
    """Return the events, or their values, of each customer within the horizon."""
    contacts = gathered.contacts[metric.key]
    is_value = metric.kind == "value" or metric.measure == "value"
    after = tally(gathered, contacts, is_value=is_value)
    before = tally(gathered, contacts, is_value=is_value, before=True)
    if not is_value and metric.measure == "customers":
        after, before = np.minimum(after, 1.0), np.minimum(before, 1.0)
        covariate = _useful(before, gathered.mature)
        return UnitRows(after, "proportion" if covariate is None else "mean", covariate)
    return UnitRows(after, "mean", _useful(before, gathered.mature))


def _useful(covariate: FloatArray, mature: Flags) -> FloatArray | None:
    """Return a covariate that varies among the customers compared, or nothing."""
    seen = covariate[mature]
    return covariate if len(seen) and seen.min() < seen.max() else None


def sum_moments(found: UnitRows, gathered: Gathered, n_variants: int) -> tuple[stats.Moments, ...]:
    """Return one moment record per variant, over its mature customers."""
    columns = [found.values] if found.covariate is None else [found.values, found.covariate]
    # One shift for all arms keeps the records addable and the digits of large values.
    shift = tuple(_pooled_mean(column, gathered.mature) for column in columns)
    records = []
    for variant in range(n_variants):
        picked = gathered.arm(variant)
        covariate = None if found.covariate is None else found.covariate[picked]
        records.append(stats.Moments.from_values(found.values[picked], covariate=covariate, shift=shift))
    return tuple(records)


def _pooled_mean(column: FloatArray, mature: Flags) -> float:
    """Return the rounded mean over all arms."""
    seen = column[mature]
    return round(float(seen.mean()), _DIGITS) if len(seen) else 0.0


def tabulate_risk(gathered: Gathered, plan: AnalysisPlan, journey: str) -> tuple[stats.RiskTable, ...]:
    """Return the risk table of time to complete per variant; immature customers are censored."""
    times, observed = time_to_complete(gathered, journey)
    tau = plan.horizon_us / 1e6
    tables = []
    for variant in range(len(plan.variants)):
        mine = gathered.population.variant == variant
        tables.append(
            stats.RiskTable.from_times(times[mine], observed[mine], tau=tau, n_bins=RISK_BINS),
        )
    return tuple(tables)
