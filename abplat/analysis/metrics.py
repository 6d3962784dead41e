"""From gathered facts to one number per customer, for each metric of the plan."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from abplat import stats
from abplat.analysis import units as rows
from abplat.analysis.gathered import Gathered
from abplat.analysis.plan import AnalysisPlan, PlannedMetric
from abplat.analysis.units import FloatArray

RISK_BINS = 1_000
_DIGITS = 6


@dataclass(frozen=True, slots=True)
class UnitRows:
    """One metric over all exposed customers, in the order of the exposed units."""

    values: FloatArray
    kind: Literal["mean", "proportion"]
    covariate: FloatArray | None = None


def measure(metric: PlannedMetric, gathered: Gathered, plan: AnalysisPlan) -> UnitRows:
    """Return a metric's value for each exposed customer; zeros included."""
    units, journeys = gathered.units, gathered.others[metric.journey]
    if metric.kind == "completion":
        return UnitRows(rows.completed(units, journeys), "proportion")
    if metric.kind == "start":
        return UnitRows(rows.started(units, journeys), "proportion")
    if metric.kind == "reach":
        stages = [stage["key"] for stage in plan.journeys[metric.journey]["stages"]]
        return UnitRows(rows.reached(units, journeys, stages.index(metric.stage)), "proportion")
    if metric.kind == "effort":
        return UnitRows(rows.effort(units, journeys), "mean", _useful(gathered.effort_before[metric.journey], units.mature))
    return _measure_contacts(metric, gathered)


def _measure_contacts(metric: PlannedMetric, gathered: Gathered) -> UnitRows:
    """Return the events, or their values, of each customer within the horizon."""
    units, contacts = gathered.units, gathered.contacts[metric.key]
    is_value = metric.kind == "value" or metric.measure == "value"
    weight = contacts.value if is_value else None
    after = rows.tally(units, contacts.unit, contacts.ts, weight)
    before = rows.tally(units, contacts.unit, contacts.ts, weight, before=True)
    if not is_value and metric.measure == "customers":
        after, before = np.minimum(after, 1.0), np.minimum(before, 1.0)
        covariate = _useful(before, units.mature)
        return UnitRows(after, "proportion" if covariate is None else "mean", covariate)
    return UnitRows(after, "mean", _useful(before, units.mature))


def _useful(covariate: FloatArray, mature: rows.BoolArray) -> FloatArray | None:
    """Return a covariate that varies among the customers compared, or nothing."""
    seen = covariate[mature]
    return covariate if len(seen) and seen.min() < seen.max() else None


def sum_moments(found: UnitRows, gathered: Gathered, n_variants: int) -> tuple[stats.Moments, ...]:
    """Return one moment record per variant, over its mature customers."""
    units = gathered.units
    columns = [found.values] if found.covariate is None else [found.values, found.covariate]
    # One shift for all arms keeps the records addable and the digits of large values.
    shift = tuple(_pooled_mean(column, units.mature) for column in columns)
    records = []
    for variant in range(n_variants):
        picked = units.mature & (units.variant == variant)
        covariate = None if found.covariate is None else found.covariate[picked]
        records.append(stats.Moments.from_values(found.values[picked], covariate=covariate, shift=shift))
    return tuple(records)


def _pooled_mean(column: FloatArray, mature: rows.BoolArray) -> float:
    """Return the rounded mean over all arms."""
    seen = column[mature]
    return round(float(seen.mean()), _DIGITS) if len(seen) else 0.0


def tabulate_risk(gathered: Gathered, plan: AnalysisPlan, journey: str) -> tuple[stats.RiskTable, ...]:
    """Return the risk table of time to complete per variant; immature customers are censored."""
    units = gathered.units
    times, observed = rows.first_completion(units, gathered.others[journey])
    tau = plan.horizon_us / 1e6
    tables = []
    for variant in range(len(plan.variants)):
        mine = units.variant == variant
        tables.append(
            stats.RiskTable.from_times(times[mine], observed[mine], tau=tau, n_bins=RISK_BINS),  # type: ignore[arg-type]
        )
    return tuple(tables)
