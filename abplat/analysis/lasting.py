"""Does the effect last: the primary metric by the time since exposure, among the same customers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import product
from typing import Final

import numpy as np

from abplat import stats
from abplat.analysis.effects import plain
from abplat.analysis.gathered import Contacts, FloatArray, Gathered, IntArray
from abplat.analysis.metrics.rows import UnitRows, find_shift, make_records
from abplat.analysis.plan import AnalysisPlan
from abplat.domain.report_maturity import AgePoint, Novelty

DAY_US: Final = 86_400_000_000
MAX_AGES: Final = 14
FEWEST_AGES: Final = 4
MAX_COHORTS: Final = 14
COHORT_UNITS: Final = 400
"""Customers that a group of exposure days should hold, so that every age of it has an effect."""
_NEVER: Final = np.iinfo(np.int64).max
_EVENTS: Final = ("completion", "start", "reach", "time_to_complete")


@dataclass(frozen=True, slots=True)
class _Ages:
    """How time since exposure is cut: ``step_us`` each, ``n`` of them, none beyond the horizon."""

    step_us: int
    n: int


def check_lasting(gathered: Gathered, plan: AnalysisPlan) -> tuple[Novelty, ...]:
    """Test per treatment whether the effect changes with the time since exposure.

    Values are added up since exposure and compared relative to control: a lift that stays the same
    keeps its share at every age. One that fades is curiosity, or completions that came earlier
    without there being more of them.
    """
    ages = _cut(gathered.horizon_us)
    values = _read_values(gathered, plan, ages)
    if values is None:
        return tuple(_unknown(variant.key, ages, "not_supported") for variant in plan.variants[1:])
    cohort = _group(gathered)
    records = _add_up(gathered, cohort, len(plan.variants), ages, values)
    return tuple(
        _check(variant.key, records[place], records[0], ages, plan)
        for place, variant in enumerate(plan.variants[1:], start=1)
    )


def _cut(horizon_us: int) -> _Ages:
    """Cut the horizon into days, or into fewer or smaller steps where it is long or short."""
    days = horizon_us // DAY_US
    if days < FEWEST_AGES:
        return _Ages(max(horizon_us // 7, 1), 7)
    width = -(-days // MAX_AGES)
    return _Ages(width * DAY_US, int(days // width))


_Values = Callable[[int], FloatArray]


def _read_values(gathered: Gathered, plan: AnalysisPlan, ages: _Ages) -> _Values | None:
    """Return a function that gives every customer's value up to an age; nothing where there is none."""
    metric = plan.primary
    if metric.kind in _EVENTS:
        first = _first_time(gathered, plan)
        return lambda age: ((first >= 0) & (first < (age + 1) * ages.step_us)).astype(np.float64)
    contacts = gathered.contacts.get(metric.key)
    if contacts is None or metric.kind not in {"value", "touchpoint"}:
        return None
    measure = "value" if metric.kind == "value" else metric.measure
    return lambda age: _add_events(gathered, contacts, (age + 1) * ages.step_us, measure)


def _first_time(gathered: Gathered, plan: AnalysisPlan) -> IntArray:
    """Return the time from exposure to what a share counts, -1 where it did not happen."""
    metric, walked = plan.primary, gathered.walked[plan.primary.journey]
    if metric.kind in {"completion", "time_to_complete"}:
        return walked.rows.first_completion
    journeys = walked.journeys
    time = journeys.start
    if metric.kind == "reach":
        stages = [stage["key"] for stage in plan.journeys[metric.journey]["stages"]]
        time = journeys.stage_time[:, stages.index(metric.stage)]
    hit = walked.counted & (time >= 0)
    first = np.full(len(gathered.population), _NEVER, np.int64)
    np.minimum.at(first, walked.unit[hit], time[hit])
    return np.where(first == _NEVER, -1, np.maximum(first - gathered.population.first_exposure, 0))


def _add_events(gathered: Gathered, contacts: Contacts, until_us: int, measure: str) -> FloatArray:
    """Count or add up the events of each customer from the exposure to an age."""
    since = contacts.ts - gathered.population.first_exposure[contacts.unit]
    inside = (since >= 0) & (since < until_us)
    weights = contacts.value[inside] if measure == "value" else None
    found = np.bincount(contacts.unit[inside], weights=weights, minlength=len(gathered.population))
    return np.asarray(np.minimum(found, 1) if measure == "customers" else found, np.float64)


def _group(gathered: Gathered) -> IntArray:
    """Return the cohort of each customer: neighbouring exposure days, enough customers in each."""
    day = gathered.population.first_exposure // DAY_US
    day = day - day.min()
    wanted = min(MAX_COHORTS, max(len(gathered.population) // COHORT_UNITS, 1))
    width = -(-(int(day.max()) + 1) // wanted)
    return np.asarray(day // width, np.int64)


def _add_up(
    gathered: Gathered, cohort: IntArray, n_variants: int, ages: _Ages, values: _Values
) -> list[dict[tuple[int, int], stats.Moments]]:
    """Return per variant one record per cohort and age, where everybody of the cohort has reached the age."""
    population, n_cohorts = gathered.population, int(cohort.max()) + 1
    cells = np.where(population.variant < 0, -1, cohort * n_variants + population.variant)
    youngest = np.zeros(n_cohorts, np.int64)
    np.maximum.at(youngest, cohort, population.first_exposure)
    found: list[dict[tuple[int, int], stats.Moments]] = [{} for _ in range(n_variants)]
    for age in range(ages.n):
        old = np.flatnonzero(youngest + (age + 1) * ages.step_us <= gathered.as_of_us)
        if not old.size:
            continue
        value = UnitRows(values(age), "mean")
        records = make_records(value, cells, n_cohorts * n_variants, find_shift(value, cells))
        for place, group in product(range(n_variants), old.tolist()):
            record = records[group * n_variants + place]
            if record.n > 1:
                found[place][group, age] = replace(record, cube_y=None)
    return found


def _check(
    variant: str,
    treatment: Mapping[tuple[int, int], stats.Moments],
    control: Mapping[tuple[int, int], stats.Moments],
    ages: _Ages,
    plan: AnalysisPlan,
) -> Novelty:
    """Test one treatment."""
    if not treatment or not control:
        return _unknown(variant, ages, "not_mature")
    how = stats.NoveltyPlan(comparison=stats.ComparisonPlan(alpha=plan.alpha))
    found = stats.check_novelty(treatment, control, how)
    trend = found.trend
    if isinstance(trend, stats.NotComputable):
        return _unknown(variant, ages, trend.reason)
    return Novelty(
        variant=variant,
        step_seconds=ages.step_us / 1e6,
        n_cohorts=len(found.days),
        points=tuple(_point(variant, row) for row in found.rows),
        slope=plain(trend.slope),
        p_value=plain(trend.p_value),
        first=plain(trend.first),
        last=plain(trend.last),
        pattern=trend.pattern,
        alarm=found.alarm,
    )


def _point(variant: str, row: stats.AgeRow) -> AgePoint:
    """Write the effect at one age, relative to control."""
    if isinstance(row.result, stats.NotComputable):
        return AgePoint(variant=variant, age=row.age, reason=row.result.reason)
    return AgePoint(
        variant=variant,
        age=row.age,
        effect=plain(row.result.rel_effect),
        ci_lower=plain(row.result.rel_ci_lower),
        ci_upper=plain(row.result.rel_ci_upper),
        p_value=plain(row.result.p_value),
        reason=row.result.rel_reason,
    )


def _unknown(variant: str, ages: _Ages, reason: str) -> Novelty:
    """Return a row that has a reason and no number."""
    return Novelty(
        variant=variant,
        step_seconds=ages.step_us / 1e6,
        n_cohorts=0,
        points=(),
        slope=None,
        p_value=None,
        first=None,
        last=None,
        pattern="unknown",
        alarm=False,
        reason=reason,
    )
