"""Metrics of the relation with a customer, and of how well the variant travelled with them."""

from __future__ import annotations

from datetime import timedelta

import numpy as np

from abplat.analysis.gathered import Contacts, Gathered, IntArray
from abplat.analysis.metrics.rows import UnitRows, ratio, share
from abplat.analysis.needs import OVER
from abplat.analysis.plan import AnalysisPlan, PlannedMetric
from abplat.clock import parse_instant, to_micros
from abplat.errors import InvalidInputError

_UNKNOWN = -1
_DAY = timedelta(days=1)


def measure_renewal(metric: PlannedMetric, gathered: Gathered, _: AnalysisPlan) -> UnitRows:
    """Who renewed by the due date, of those whose date was known before and lies in the horizon."""
    population = gathered.population
    due = _due_dates(gathered.contacts[metric.key + OVER], gathered)
    begin = population.first_exposure
    keep = (due >= begin) & (due <= begin + gathered.horizon_us)
    renewals = gathered.contacts[metric.key]
    hit = (renewals.ts >= begin[renewals.unit]) & (renewals.ts <= due[renewals.unit])
    renewed = np.zeros(len(population), bool)
    renewed[renewals.unit[hit]] = True
    return share(renewed, np.asarray(keep))


def _due_dates(contracts: Contacts, gathered: Gathered) -> IntArray:
    """Return the due date that each customer's last event before the exposure named, -1 for none."""
    dates = np.array([*(_read_date(text) for text in contracts.labels), _UNKNOWN], np.int64)
    found = np.full(len(gathered.population), _UNKNOWN, np.int64)
    if contracts.label is None:
        return found
    known = contracts.ts < gathered.population.first_exposure[contracts.unit]
    known &= dates[contracts.label] != _UNKNOWN
    # Events stand in the order of time, so the last one is written last.
    found[contracts.unit[known]] = dates[contracts.label[known]]
    return found


def _read_date(text: str) -> int:
    """Read an instant, or a day, which lasts until its end in UTC; -1 for anything else."""
    try:
        if len(text) == 10:
            return to_micros(parse_instant(f"{text}T00:00:00Z") + _DAY) - 1
        return to_micros(parse_instant(text))
    except InvalidInputError:
        return _UNKNOWN


def measure_coherence(_: PlannedMetric, gathered: Gathered, __: AnalysisPlan) -> UnitRows:
    """Who met one variant everywhere, of those met in two channels or more."""
    return share(gathered.population.coherent(), gathered.population.multi_channel())


def measure_crossover(_: PlannedMetric, gathered: Gathered, __: AnalysisPlan) -> UnitRows:
    """Who met more than one variant."""
    return share(gathered.population.crossover)


def measure_coverage(metric: PlannedMetric, gathered: Gathered, _: AnalysisPlan) -> UnitRows:
    """Exposures over touchpoints in channels that can show the variant, after the first exposure."""
    contacts, population = gathered.contacts[metric.key], gathered.population
    hit = contacts.ts >= population.first_exposure[contacts.unit]
    touchpoints = np.bincount(contacts.unit[hit], minlength=len(population))
    return ratio(population.exposures.astype(np.float64), touchpoints.astype(np.float64))
