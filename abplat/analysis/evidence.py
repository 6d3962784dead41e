"""Keeps what a metric was computed from, so that a notebook can compute it again."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import numpy as np

from abplat import stats
from abplat.analysis.plan import AnalysisPlan
from abplat.domain.journeys import JourneyDefinition, parse_journey
from abplat.domain.report_evidence import MetricEvidence, MomentRecord, Query, RiskRecord
from abplat.facts.engines.scan import scan_aliases, scan_exposures, scan_touchpoints

_PLACEHOLDER: Final = 7_777_777_777_777_777_777
"""Stands for the instant of a snapshot, so that a query is compiled once and not for every report."""
_KEPT: Final = 256


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
    asked = [
        ("exposures", _ask_exposures(plan.experiment["key"])),
        ("aliases", _ask_aliases()),
        *(
            (f"touchpoints of {key}", _ask_touchpoints(parse_journey(document)))
            for key, document in sorted(plan.journeys.items())
        ),
    ]
    return tuple(Query(name=name, sql=_name_instant(sql, as_of_us)) for name, sql in asked)


@lru_cache(maxsize=_KEPT)
def _ask_exposures(experiment: str) -> str:
    """Return the query for the exposures of an experiment as of the placeholder."""
    return scan_exposures(experiment, _PLACEHOLDER)


@lru_cache(maxsize=1)
def _ask_aliases() -> str:
    """Return the query for the links as of the placeholder."""
    return scan_aliases(_PLACEHOLDER)


@lru_cache(maxsize=_KEPT)
def _ask_touchpoints(definition: JourneyDefinition) -> str:
    """Return the query for the events of a journey as of the placeholder."""
    return scan_touchpoints(definition, _PLACEHOLDER)


def _name_instant(sql: str, as_of_us: int) -> str:
    """Put an instant in the place of the placeholder, which stands after a comparison and nowhere else."""
    return sql.replace(f"<= {_PLACEHOLDER}", f"<= {as_of_us}")


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
