"""How long each link of the chain takes, with those censored who left it or are still on it."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from abplat import stats
from abplat.analysis.counted import list_counted
from abplat.analysis.effects import plain
from abplat.analysis.gathered import Flags, FloatArray, Gathered
from abplat.analysis.links.chain import required_stages
from abplat.analysis.plan import AnalysisPlan
from abplat.domain.report_links import LinkLatency

RISK_BINS = 400


def time_links(gathered: Gathered, plan: AnalysisPlan) -> tuple[LinkLatency, ...]:
    """Time every link between two required stages, in every arm that has any."""
    if plan.journey.get("ordering") == "any":
        return ()
    return tuple(
        row
        for source, target in pairwise(required_stages(plan))
        for row in _time_link(gathered, plan, source, target)
    )


def _time_link(gathered: Gathered, plan: AnalysisPlan, source: int, target: int) -> list[LinkLatency]:
    """Time one link in all arms."""
    times, crossed, arm = _spans(gathered, plan, source, target)
    tau = plan.horizon_us / 1e6
    tables = [
        stats.RiskTable.from_times(times[arm == place], crossed[arm == place], tau=tau, n_bins=RISK_BINS)
        for place in range(len(plan.variants))
    ]
    keys = (plan.journey["stages"][source]["key"], plan.journey["stages"][target]["key"])
    return [_render(plan, place, keys, tables) for place in range(len(plan.variants))]


def _spans(
    gathered: Gathered, plan: AnalysisPlan, source: int, target: int
) -> tuple[FloatArray, Flags, np.ndarray[tuple[int, ...], np.dtype[np.int64]]]:
    """Return seconds on the link, whether it was crossed, and the arm, of journeys that reached its source."""
    walked = gathered.walked[plan.journey["key"]]
    journeys, population = walked.journeys, gathered.population
    counted = list_counted(gathered, walked)
    rows = counted.rows[journeys.stage_order[counted.rows, source] >= 0]
    unit = walked.unit[rows]
    limit = np.minimum(population.first_exposure[unit] + gathered.horizon_us, gathered.as_of_us)
    begin, end = journeys.stage_time[rows, source], journeys.stage_time[rows, target]
    rows, unit, limit, end, begin = (each[begin <= limit] for each in (rows, unit, limit, end, begin))
    crossed = (journeys.stage_order[rows, target] >= 0) & (end <= limit)
    spent = np.where(crossed, end, np.minimum(journeys.end[rows], limit)) - begin
    return np.maximum(spent, 0) / 1e6, np.asarray(crossed), population.variant[unit].astype(np.int64)


def _render(
    plan: AnalysisPlan, place: int, keys: tuple[str, str], tables: list[stats.RiskTable]
) -> LinkLatency:
    """Put one arm of a link into the Report."""
    table, tau = tables[place], plan.horizon_us / 1e6
    n_crossed = sum(table.events)
    n = n_crossed + sum(table.censored)
    curve = stats.kaplan_meier(table, plan.alpha) if n else stats.NotComputable("no_units")
    mean = stats.restricted_mean(table, tau, plan.alpha) if n else stats.NotComputable("no_units")
    compared = _compare(tables[0], table, plan) if place and n else None
    return LinkLatency(
        variant=plan.variants[place].key,
        source=keys[0],
        target=keys[1],
        n=n,
        n_crossed=n_crossed,
        median=None if isinstance(curve, stats.NotComputable) else plain(curve.median),
        mean=None if isinstance(mean, stats.NotComputable) else plain(mean.value),
        effect=plain(compared.effect) if compared else None,
        ci_lower=plain(compared.ci_lower) if compared else None,
        ci_upper=plain(compared.ci_upper) if compared else None,
        reason=mean.reason if isinstance(mean, stats.NotComputable) else None,
    )


def _compare(
    control: stats.RiskTable, treatment: stats.RiskTable, plan: AnalysisPlan
) -> stats.RestrictedMeanComparison | None:
    """Compare two restricted means where both can be told."""
    found = stats.compare_restricted_means(treatment, control, tau=plan.horizon_us / 1e6, alpha=plan.alpha)
    return None if isinstance(found, stats.NotComputable) else found
