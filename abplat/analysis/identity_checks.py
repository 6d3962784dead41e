"""The identity section of a Report: is the result the variant's work, or that of recognising people?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from abplat import stats
from abplat.analysis.coherence import measure_coherence, measure_coverage
from abplat.analysis.effects import MeasuredMetric, plain
from abplat.analysis.encounters import Encounters
from abplat.analysis.gathered import Gathered
from abplat.analysis.metrics import add_exactly
from abplat.analysis.metrics.rows import UnitRows, find_shift, make_records, share
from abplat.analysis.plan import AnalysisPlan
from abplat.analysis.sensitivity import compare_identities, judge
from abplat.clock import format_instant, from_micros
from abplat.domain.identity import mask_id
from abplat.domain.report_identity import (
    Crossover,
    IdCount,
    IdentitySection,
    MergeCheck,
    SplitTest,
)

ALARM_P = 0.001
CROSSOVER_WARNING = 0.01
CROSSOVER_BLOCK = 0.05
EXAMPLES = 3


def check_identity(gathered: Gathered, plan: AnalysisPlan, primary: MeasuredMetric) -> IdentitySection | None:
    """Make every check of identity; nothing where it is not known how customers were met.

    Args:
        gathered: The facts.
        plan: The frozen plan.
        primary: The metric that decides, as the main analysis measured it.
    """
    encounters = gathered.encounters
    if encounters is None:
        return None
    as_of = format_instant(from_micros(gathered.as_of_us))
    if not len(gathered.population):
        return IdentitySection(graph_as_of=as_of, ids=count_ids(gathered, encounters))
    # Customers of one group share its variant: their split and merges are not those of a draw.
    merges = () if plan.is_clustered else check_merges(gathered, plan, encounters)
    rows = compare_identities(gathered, plan, primary, encounters)
    coherence = measure_coherence(gathered, encounters)
    return IdentitySection(
        graph_as_of=as_of,
        splits=() if plan.is_clustered else check_splits(gathered, plan, encounters),
        merges=merges,
        fallback=any(check.alarm for check in merges),
        crossover=count_crossovers(gathered),
        sensitivities=rows,
        verdicts=judge(rows, plan),
        ids=count_ids(gathered, encounters),
        coherence=coherence,
        coverage=measure_coverage(gathered, encounters, plan),
        drift=any(row.alarm for row in coherence if row.group == "week"),
    )


def check_splits(
    gathered: Gathered, plan: AnalysisPlan, encounters: Encounters
) -> tuple[SplitTest, SplitTest]:
    """Test the planned split twice: over fresh assignments, and over the customers they became.

    What inherits an earlier variant would bias the first. If the first is as planned and the second
    is not, then the variant changes who is recognised, and customers cannot be compared.
    """
    fresh = encounters.variant[encounters.first][encounters.fresh]
    return _test_split("fresh", fresh, plan), _test_split("customers", gathered.population.variant, plan)


def _test_split(unit: str, variant: NDArray[np.integer[Any]], plan: AnalysisPlan) -> SplitTest:
    """Test the split over one kind of unit."""
    found = np.bincount(variant, minlength=len(plan.variants)).tolist()
    counts = {each.key: int(n) for each, n in zip(plan.variants, found, strict=True)}
    check = stats.check_sample_ratio(counts, {each.key: float(each.weight) for each in plan.variants})
    if isinstance(check, stats.NotComputable):
        return SplitTest(
            unit=unit, counts=counts, expected={}, p_value=None, alarm=False, reason=check.reason
        )
    expected = {key: float(value) for key, value in check.expected.items()}
    p_value = float(check.p_value)
    return SplitTest(unit=unit, counts=counts, expected=expected, p_value=p_value, alarm=p_value < ALARM_P)


def check_merges(gathered: Gathered, plan: AnalysisPlan, encounters: Encounters) -> tuple[MergeCheck, ...]:
    """Compare how many ids customers have, and how many customers are identified, between the arms."""
    variant, n_variants = gathered.population.variant.astype(np.int64), len(plan.variants)
    measures = {
        "ids_per_customer": UnitRows(encounters.n_ids.astype(np.float64), "mean"),
        "share_identified": share(encounters.identified),
    }
    records = {
        name: make_records(found, variant, n_variants, find_shift(found, variant))
        for name, found in measures.items()
    }
    totals = {name: add_exactly(found.values, variant, n_variants) for name, found in measures.items()}
    return tuple(
        _compare_merges(measures[name], name, place, records[name], totals[name], plan)
        for place in range(1, n_variants)
        for name in measures
    )


def _compare_merges(
    found: UnitRows,
    name: str,
    treatment: int,
    records: Sequence[stats.Moments],
    totals: Sequence[float],
    plan: AnalysisPlan,
) -> MergeCheck:
    """Compare one measure between one arm and control."""
    control, treated = records[0], records[treatment]
    means = [totals[place] / records[place].n if records[place].n else None for place in (0, treatment)]
    reason, p_value = "no_units", None
    if control.n and treated.n:
        compared = stats.compare(treated, control, stats.ComparisonPlan(kind=found.kind))
        reason = compared.reason if isinstance(compared, stats.NotComputable) else ""
        p_value = None if isinstance(compared, stats.NotComputable) else plain(compared.p_value)
    return MergeCheck(
        variant=plan.variants[treatment].key,
        measure=name,
        control_value=means[0],
        treatment_value=means[1],
        p_value=p_value,
        alarm=p_value is not None and p_value < ALARM_P / (len(plan.variants) - 1),
        reason=reason or None,
    )


def count_crossovers(gathered: Gathered) -> Crossover:
    """Count the customers who met more than one variant."""
    n, crossed = len(gathered.population), int(np.count_nonzero(gathered.population.crossover))
    share = crossed / n if n else None
    level = "pass"
    if share is not None and share > CROSSOVER_WARNING:
        level = "block" if share > CROSSOVER_BLOCK else "warning"
    return Crossover(n_customers=n, n_crossovers=crossed, share=share, level=level)


def _mask(ids: Sequence[str]) -> tuple[str, ...]:
    """Return the first of some people's ids, as a report may show them."""
    return tuple(mask_id(each) for each in ids[:EXAMPLES])


def count_ids(gathered: Gathered, encounters: Encounters) -> tuple[IdCount, ...]:
    """Count the ids that are no ordinary customer."""
    counts = gathered.counts
    unknown = ~encounters.identified
    found = [
        IdCount(kind="shared", n=len(counts.shared_ids), examples=_mask(counts.shared_ids)),
        IdCount(kind="limited", n=len(counts.limited_ids), examples=_mask(counts.limited_ids)),
        IdCount(kind="unidentified", n=int(np.count_nonzero(unknown))),
        IdCount(kind="cluster", n=len(encounters.groups), examples=encounters.groups[:EXAMPLES]),
        IdCount(kind="refused_link", n=counts.n_refused_links),
    ]
    return tuple(found)
