"""Every estimate of an effect side by side: raw, capped, variance-reduced, stratified.

What the table is made of holds all that the first three need, so they cost nothing; only a capped
metric is measured once more without its cap, and the goal once more by strata.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Literal, NamedTuple, cast

from abplat import stats
from abplat.analysis.effects import MeasuredMetric, effect_alpha, plain
from abplat.analysis.gathered import Gathered
from abplat.analysis.metrics import TIME_KINDS, UnitRows, measure, sum_moments
from abplat.analysis.metrics.rows import sum_cells
from abplat.analysis.plan import AnalysisPlan, PlannedMetric
from abplat.analysis.strata import divide
from abplat.domain.report_estimates import Estimate, EstimatesSection
from abplat.domain.report_evidence import MetricEvidence

Kind = Literal["mean", "proportion", "ratio"]
Records = Sequence[stats.Moments | Mapping[str, stats.Moments]]


class _Way(NamedTuple):
    """One way to estimate a metric, over all arms."""

    kind: str
    records: Records
    theta_rule: Literal["min_variance", "none"]
    is_used: bool
    strata: str | None = None


def list_estimates(
    rows: Sequence[MeasuredMetric], gathered: Gathered, plan: AnalysisPlan
) -> EstimatesSection | None:
    """Estimate every effect in every way; None where nothing was compared by sums."""
    found = tuple(
        estimate
        for row in rows
        if row.evidence is not None and row.evidence.moments
        for estimate in _estimate(row.metric, row.evidence, gathered, plan)
    )
    return EstimatesSection(estimates=found) if found else None


def _estimate(
    metric: PlannedMetric, evidence: MetricEvidence, gathered: Gathered, plan: AnalysisPlan
) -> Iterator[Estimate]:
    """Yield the estimates of one metric, those of a treatment together."""
    ways = list(_list_ways(metric, evidence, gathered, plan))
    for treatment in range(1, len(plan.variants)):
        raw: float | None = None
        for way in ways:
            how = stats.ComparisonPlan(
                alpha=effect_alpha(metric, plan), kind=cast("Kind", evidence.kind), theta_rule=way.theta_rule
            )
            made = stats.compare(way.records[treatment], way.records[0], how)
            raw = made.se if raw is None and isinstance(made, stats.Comparison) else raw
            yield _describe(metric.key, plan.variants[treatment].key, way, made, raw)


def _list_ways(
    metric: PlannedMetric, evidence: MetricEvidence, gathered: Gathered, plan: AnalysisPlan
) -> Iterator[_Way]:
    """Yield the ways that a metric can be estimated in, the plainest first."""
    records = [_read(record) for record in evidence.moments]
    has_covariate = any(column.startswith("x") for column in records[0].columns)
    is_capped = bool(metric.detail.get("cap"))
    if is_capped:
        bare = replace(metric, detail={**metric.detail, "cap": None})
        whole = sum_moments(measure(bare, gathered, plan), gathered, len(plan.variants))
        yield _Way("raw", whole, "none", is_used=False)
    yield _Way("capped" if is_capped else "raw", records, "none", is_used=not has_covariate)
    if has_covariate:
        yield _Way("adjusted", records, "min_variance", is_used=True)
    if metric.role == "primary" and metric.kind not in TIME_KINDS and len(gathered.population):
        yield from _stratify(measure(metric, gathered, plan), gathered, plan)


def _stratify(found: UnitRows, gathered: Gathered, plan: AnalysisPlan) -> Iterator[_Way]:
    """Yield the estimate within weeks, and that within channels, of the first exposure."""
    for strata in divide(gathered):
        if len(strata.names) < 2:
            continue
        cells = sum_cells(found, gathered, strata.place, (len(strata.names), len(plan.variants)))
        records = [
            {name: cell[arm] for name, cell in zip(strata.names, cells, strict=True)}
            for arm in range(len(plan.variants))
        ]
        yield _Way("stratified", records, "min_variance", is_used=False, strata=strata.by)


def _read(record: object) -> stats.Moments:
    """Return the sums of one arm as the statistics take them."""
    names = ("columns", "n", "shift", "sum", "cross", "cube_y")
    return stats.Moments(**{name: getattr(record, name) for name in names})


def _describe(
    metric: str, variant: str, way: _Way, made: stats.Computed[stats.Comparison], raw: float | None
) -> Estimate:
    """Write one estimate down."""
    if isinstance(made, stats.NotComputable):
        return Estimate(
            metric=metric, variant=variant, kind=way.kind, is_used=way.is_used, strata=way.strata,
            reason=made.reason,
        )  # fmt: skip
    return Estimate(
        metric=metric,
        variant=variant,
        kind=way.kind,
        is_used=way.is_used,
        strata=way.strata,
        effect=plain(made.effect),
        se=plain(made.se),
        ci_lower=plain(made.ci_lower),
        ci_upper=plain(made.ci_upper),
        p_value=plain(made.p_value),
        rel_effect=plain(made.rel_effect),
        share_of_variance=plain((made.se / raw) ** 2) if raw else None,
    )
