"""Effects where groups were drawn: customers are added up to their store, team or household first.

Customers of one store share its luck. The group is what was drawn, so the group is what is counted:
errors are those between groups (CR2 with Satterthwaite degrees of freedom, a permutation test below
ten groups), however many customers a group holds.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final, NamedTuple, cast

import numpy as np

from abplat import stats
from abplat.analysis.gathered import Flags, FloatArray, Gathered, IntArray
from abplat.analysis.metrics import Sample, UnitRows
from abplat.analysis.plan import AnalysisPlan, PlannedMetric

MIN_CLUSTERS: Final = 10
"""Below so many groups, both arms together, no variance between them can be estimated."""


class Grouped(NamedTuple):
    """The comparisons of one metric, per treatment, and the name of what adjusted them."""

    comparisons: list[stats.Computed[stats.Comparison]]
    margins: tuple[stats.Computed[stats.MarginTest] | None, ...]
    is_adjusted: bool


class Drawn(NamedTuple):
    """How groups were drawn and met.

    Attributes:
        counts: Groups per variant, each by its earliest exposure.
        n_mixed: Groups in which customers met more than one variant.
        largest_share: Share of the customers of an arm that its largest group holds.
    """

    counts: tuple[int, ...]
    n_mixed: int
    largest_share: float


def compare_groups(
    metric: PlannedMetric, found: UnitRows | None, gathered: Gathered, plan: AnalysisPlan, alpha: float
) -> Grouped:
    """Compare every treatment with control, groups being the units.

    Args:
        metric: The metric.
        found: Its number per customer; None for a kind that has no sum over customers.
        gathered: The facts.
        plan: The frozen plan.
        alpha: Error rate of one comparison.
    """
    treatments = range(1, len(plan.variants))
    if found is None:
        nothing = stats.NotComputable("not_clustered")
        return Grouped([nothing for _ in treatments], tuple(nothing for _ in treatments), is_adjusted=False)
    totals = add_up(found, gathered, len(plan.variants))
    how = stats.ClusterPlan(alpha=alpha, min_clusters=MIN_CLUSTERS)
    made = [stats.compare_clusters(totals, str(place), "0", how) for place in treatments]
    comparisons = [each if isinstance(each, stats.NotComputable) else each.comparison for each in made]
    adjusted = any(isinstance(each, stats.Comparison) and bool(each.theta) for each in comparisons)
    margins = tuple(_check_margin(metric, totals, str(place), plan.alpha) for place in treatments)
    return Grouped(comparisons, margins, adjusted)


def add_up(found: UnitRows, gathered: Gathered, n_variants: int) -> stats.ClusterTotals:
    """Add the numbers of mature customers up to their group and variant."""
    keep = gathered.mature & (gathered.population.variant >= 0)
    keep = np.asarray(keep if found.keep is None else keep & found.keep)
    place = _clusters(gathered)[keep] * n_variants + gathered.population.variant[keep]
    size = len(gathered.population.clusters) * n_variants

    def total(values: FloatArray) -> FloatArray:
        return np.bincount(place, weights=values[keep], minlength=size).astype(np.float64)

    n = np.bincount(place, minlength=size).astype(np.float64)
    d = n if found.denominator is None else total(found.denominator)
    # What has no denominator has no mean, and is left out.
    used = np.flatnonzero((n > 0) & (d > 0))
    x = (
        ()
        if found.covariate is None
        else tuple((mean,) for mean in _pick(total(found.covariate) / np.maximum(n, 1), used))
    )
    return stats.ClusterTotals(
        cluster=tuple(gathered.population.clusters[row // n_variants] for row in used.tolist()),
        variant=tuple(str(row % n_variants) for row in used.tolist()),
        y=_pick(total(found.values), used),
        d=_pick(d, used),
        x=x,
    )


def _pick(values: FloatArray, rows: IntArray) -> tuple[float, ...]:
    """Return some values as plain numbers."""
    return tuple(values[rows].tolist())


def _clusters(gathered: Gathered) -> IntArray:
    """Return the group of each customer."""
    return np.asarray(gathered.population.cluster, np.int64)


def _check_margin(
    metric: PlannedMetric, totals: stats.ClusterTotals, treatment: str, alpha: float
) -> stats.Computed[stats.MarginTest] | None:
    """Test a guardrail: the treatment against control made worse by the margin, one-sided."""
    if metric.role != "guardrail" or metric.margin is None:
        return None
    sign, is_relative = (1 if metric.direction == "up" else -1), metric.scale == "relative"
    plain = replace(totals, x=())
    how = stats.ClusterPlan(alpha=2 * alpha, min_clusters=MIN_CLUSTERS)
    moved = stats.compare_clusters(_worsen(plain, sign * metric.margin, is_relative), treatment, "0", how)
    base = stats.compare_clusters(plain, treatment, "0", how)
    for each in (moved, base):
        if isinstance(each, stats.NotComputable):
            return each
    found, limit = cast("Any", base).comparison, cast("Any", moved).comparison
    if is_relative and found.control_value <= 0:
        return stats.NotComputable("zero_baseline")
    p_value = limit.p_value / 2 if sign * limit.effect > 0 else 1 - limit.p_value / 2
    bounds = (found.rel_ci_lower, found.rel_ci_upper) if is_relative else (found.ci_lower, found.ci_upper)
    bound = bounds[0] if sign > 0 else bounds[1]
    return stats.MarginTest(
        is_shown=p_value < alpha,
        is_breached=1 - p_value < alpha,
        p_value=p_value,
        p_breach=1 - p_value,
        harm=-sign * found.effect / (found.control_value if is_relative else 1.0),
        harm_upper=None if bound is None else -sign * bound,
        margin=metric.margin,
        scale="relative" if is_relative else "absolute",
    )


def _worsen(totals: stats.ClusterTotals, by: float, is_relative: bool) -> stats.ClusterTotals:  # noqa: FBT001
    """Return the sums with control moved to where the margin ends."""
    moved = tuple(
        y if variant != "0" else y * (1 - by) if is_relative else y - by * d
        for y, d, variant in zip(totals.y, totals.d, totals.variant, strict=True)
    )
    return replace(totals, y=moved)


def by_group(sample: Sample, gathered: Gathered) -> Sample:
    """Return a sample whose values belong to groups instead of customers."""
    return Sample(sample.values, _clusters(gathered)[sample.units])


def count_drawn(gathered: Gathered, n_variants: int) -> Drawn:
    """Count the groups that were drawn."""
    population = gathered.population
    cluster = _clusters(gathered)
    order = np.lexsort((population.first_exposure, cluster))
    _, first = np.unique(cluster[order], return_index=True)
    counts = np.bincount(population.variant[order][first], minlength=n_variants)
    met: IntArray = np.zeros((len(population.clusters), n_variants), np.int64)
    np.add.at(met, (cluster, population.variant), 1)
    mixed: Flags = (met > 0).sum(axis=1) > 1
    shares = met.max(axis=0, initial=0) / np.maximum(met.sum(axis=0), 1)
    return Drawn(tuple(counts.tolist()), int(mixed.sum()), float(shares.max(initial=0.0)))
