"""Keeps what a metric was computed from, so that a notebook can compute it again."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from abplat import stats
from abplat.analysis.plan import AnalysisPlan
from abplat.domain.journeys import parse_journey
from abplat.domain.report_evidence import MetricEvidence, MomentRecord, Query, RiskRecord
from abplat.facts.engines.scan import scan_aliases, scan_exposures, scan_touchpoints


def keep_moments(
    metric: str, records: Sequence[stats.Moments], how: stats.ComparisonPlan, plan: AnalysisPlan
) -> MetricEvidence:
    """Keep the moment records of all arms."""
    kept = tuple(
        MomentRecord(
            variant=variant.key,
            columns=record.columns,
            n=record.n,
            shift=record.shift,
            sum=record.sum,
            cross=record.cross,
            cube_y=record.cube_y,
        )
        for variant, record in zip(plan.variants, records, strict=True)
    )
    return MetricEvidence(metric=metric, alpha=how.alpha, kind=how.kind, moments=kept)


def keep_tables(
    metric: str, tables: Sequence[stats.RiskTable], tau: float, alpha: float, plan: AnalysisPlan
) -> MetricEvidence:
    """Keep the risk tables of all arms, without the bins in which nothing happened."""
    kept = tuple(
        _keep_table(variant.key, table) for variant, table in zip(plan.variants, tables, strict=True)
    )
    return MetricEvidence(metric=metric, alpha=alpha, kind="restricted_mean", tau=tau, tables=kept)


def list_queries(plan: AnalysisPlan, as_of_us: int) -> tuple[Query, ...]:
    """Return what is asked of the facts, word for word: exposures, links, and the events of each journey."""
    found = [
        Query(name="exposures", sql=scan_exposures(plan.experiment["key"], as_of_us)),
        Query(name="aliases", sql=scan_aliases(as_of_us)),
    ]
    found += [
        Query(name=f"touchpoints of {key}", sql=scan_touchpoints(parse_journey(document), as_of_us))
        for key, document in sorted(plan.journeys.items())
    ]
    return tuple(found)


def _keep_table(variant: str, table: stats.RiskTable) -> RiskRecord:
    """Keep one table; its last bin stays, for it says how far one looked."""
    busy = (np.asarray(table.events) > 0) | (np.asarray(table.censored) > 0)
    busy[-1:] = True
    places = np.flatnonzero(busy)
    return RiskRecord(
        variant=variant,
        edges=tuple(table.edges[place] for place in places),
        events=tuple(int(table.events[place]) for place in places),
        censored=tuple(int(table.censored[place]) for place in places),
    )
