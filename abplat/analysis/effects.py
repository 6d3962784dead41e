"""Rows of the metric table: values per arm, effects against control, a verdict on each."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import Any, Literal, NamedTuple, cast

import msgspec
import numpy as np

from abplat import stats
from abplat.analysis.cluster_effects import MIN_CLUSTERS, by_group, compare_groups
from abplat.analysis.evidence import keep_moments, keep_tables
from abplat.analysis.gathered import Gathered
from abplat.analysis.metrics import (
    SAMPLE_KINDS,
    TIME_KINDS,
    UnitRows,
    add_exactly,
    arms_of,
    measure,
    sample_events,
    spend_times,
    sum_moments,
    tabulate_metric,
)
from abplat.analysis.plan import AnalysisPlan, PlannedMetric
from abplat.domain.metric_kinds import find_kind
from abplat.domain.report import Effect, MetricResult, VariantValue
from abplat.domain.report_evidence import MetricEvidence

AnyComparison = stats.Comparison | stats.RestrictedMeanComparison
Direction = Literal["up", "down"]
Scale = Literal["relative", "absolute"]


@dataclass(frozen=True, slots=True)
class Standing:
    """How far an experiment may be judged at all."""

    is_final: bool
    is_trusted: bool


@dataclass(frozen=True, slots=True)
class MeasuredMetric:
    """One metric with what the verdict needs of it besides its row in the report."""

    metric: PlannedMetric
    result: MetricResult
    comparisons: tuple[stats.Computed[AnyComparison], ...]
    """Per treatment, in the order of the plan."""
    margins: tuple[stats.Computed[stats.MarginTest] | None, ...]
    evidence: MetricEvidence | None = None
    """What it was computed from; None where that is the customers' own values."""


def measure_metric(
    metric: PlannedMetric, gathered: Gathered, plan: AnalysisPlan, standing: Standing
) -> MeasuredMetric:
    """Compute one row of the metric table."""
    if metric.kind in TIME_KINDS:
        return _measure_time(metric, gathered, plan, standing)
    if metric.kind in SAMPLE_KINDS:
        return _measure_sample(metric, gathered, plan, standing)
    found = measure(metric, gathered, plan)
    if found.reason is not None:
        return _finish(metric, plan, standing, _refuse(found.reason, plan))
    values = _mean_values(found, gathered, plan)
    if plan.is_clustered:
        return _finish(metric, plan, standing, _compare_clustered(metric, found, gathered, plan, values))
    records = sum_moments(found, gathered, len(plan.variants))
    how = stats.ComparisonPlan(alpha=effect_alpha(metric, plan), kind=found.kind)
    comparisons: list[stats.Computed[AnyComparison]] = [
        stats.compare(record, records[0], how) for record in records[1:]
    ]
    margins = tuple(_check_margin(metric, record, records[0], plan, found) for record in records[1:])
    method = f"; {_covariate_text(plan)}" if found.covariate is not None else ""
    method += f"; {found.note}" if found.note else ""
    evidence = keep_moments(metric.key, records, how, plan)
    return _finish(metric, plan, standing, _Computed(values, comparisons, margins, method, evidence))


def _compare_clustered(
    metric: PlannedMetric,
    found: UnitRows | None,
    gathered: Gathered,
    plan: AnalysisPlan,
    values: tuple[VariantValue, ...],
) -> _Computed:
    """Compare the arms with the groups that were drawn as units."""
    made = compare_groups(metric, found, gathered, plan, effect_alpha(metric, plan))
    note = f"; {_covariate_text(plan)}" if made.is_adjusted else ""
    note += f"; {found.note}" if found is not None and found.note else ""
    return _Computed(values, list(made.comparisons), made.margins, note)


def _refuse(reason: str, plan: AnalysisPlan) -> _Computed:
    """Return a row that has a reason and no number."""
    values = tuple(
        VariantValue(variant=variant.key, n=0, total=None, value=None, reason=reason)
        for variant in plan.variants
    )
    nothing = stats.NotComputable(reason)
    return _Computed(values, [nothing] * (len(values) - 1), (nothing,) * (len(values) - 1))


def effect_alpha(metric: PlannedMetric, plan: AnalysisPlan) -> float:
    """Return the error rate of one comparison: the primary's is shared by the treatments."""
    return plan.alpha / max(len(plan.variants) - 1, 1) if metric.role == "primary" else plan.alpha


def _covariate_text(plan: AnalysisPlan) -> str:
    """Say what the covariate is."""
    return f"covariate: the same count in the {plan.experiment['horizon']} before exposure"


def _mean_values(found: UnitRows, gathered: Gathered, plan: AnalysisPlan) -> tuple[VariantValue, ...]:
    """Return sum and mean of each arm; of a ratio the sum of the numerator."""
    arms, n_variants = arms_of(found, gathered), len(plan.variants)
    counts = np.bincount(arms + 1, minlength=n_variants + 1)[1:].tolist()
    totals = add_exactly(found.values, arms, n_variants)
    below = counts if found.denominator is None else add_exactly(found.denominator, arms, n_variants)
    return tuple(
        _mean_value(variant.key, *numbers)
        for variant, *numbers in zip(plan.variants, counts, totals, below, strict=True)
    )


def _mean_value(key: str, n: int, total: float, below: float) -> VariantValue:
    """Return sum and mean of one arm."""
    if not n:
        return VariantValue(variant=key, n=0, total=None, value=None, reason="no_units")
    if not below:
        return VariantValue(variant=key, n=n, total=total, value=None, reason="zero_denominator")
    return VariantValue(variant=key, n=n, total=total, value=total / below)


def _check_margin(
    metric: PlannedMetric, record: stats.Moments, control: stats.Moments, plan: AnalysisPlan, found: UnitRows
) -> stats.Computed[stats.MarginTest] | None:
    """Test a guardrail against its relative margin."""
    if metric.role != "guardrail" or metric.margin is None:
        return None
    how = stats.ComparisonPlan(alpha=plan.alpha, kind=found.kind)
    direction = cast("Direction", metric.direction)
    scale = cast("Scale", metric.scale)
    return stats.check_margin(
        record, control, metric.margin, direction=direction, scale=scale, alpha=plan.alpha, plan=how
    )


def _measure_time(
    metric: PlannedMetric, gathered: Gathered, plan: AnalysisPlan, standing: Standing
) -> MeasuredMetric:
    """Compute the row of a time: restricted mean time up to the horizon."""
    tables = tabulate_metric(metric, gathered, plan)
    tau, alpha = plan.horizon_us / 1e6, effect_alpha(metric, plan)
    comparisons: list[stats.Computed[AnyComparison]] = [
        stats.compare_restricted_means(table, tables[0], tau=tau, alpha=alpha) for table in tables[1:]
    ]
    values = []
    for variant, table in zip(plan.variants, tables, strict=True):
        mean = stats.restricted_mean(table, tau, plan.alpha)
        n = sum(table.events) + sum(table.censored)
        number, reason = (None, mean.reason) if isinstance(mean, stats.NotComputable) else (mean.value, None)
        values.append(VariantValue(variant=variant.key, n=n, total=None, value=number, reason=reason))
    if plan.is_clustered:
        spent = spend_times(metric, gathered, plan)
        return _finish(
            metric, plan, standing, _compare_clustered(metric, spent, gathered, plan, tuple(values))
        )
    margins = tuple(_time_margin(metric, comparison, plan.alpha) for comparison in comparisons)
    evidence = keep_tables(metric.key, tables, tau, alpha, plan)
    return _finish(metric, plan, standing, _Computed(tuple(values), comparisons, margins, evidence=evidence))


def _measure_sample(
    metric: PlannedMetric, gathered: Gathered, plan: AnalysisPlan, standing: Standing
) -> MeasuredMetric:
    """Compute the row of a quantile; its interval is clustered by customer, or by what was drawn."""
    level = float(metric.detail.get("quantile") or 0.5)
    samples = [sample_events(metric, gathered, position) for position in range(len(plan.variants))]
    if plan.is_clustered:
        samples = [by_group(each, gathered) for each in samples]
        if sum(np.unique(each.units).size for each in samples) < MIN_CLUSTERS:
            return _finish(metric, plan, standing, _refuse("too_few_clusters", plan))
    found = [stats.estimate_quantile(each.values, each.units, level, plan.alpha) for each in samples]
    values = tuple(
        VariantValue(
            variant=variant.key,
            n=len(sample.values),
            total=None,
            value=None if isinstance(quantile, stats.NotComputable) else quantile.value,
            reason=quantile.reason if isinstance(quantile, stats.NotComputable) else None,
        )
        for variant, sample, quantile in zip(plan.variants, samples, found, strict=True)
    )
    how = stats.ComparisonPlan(alpha=effect_alpha(metric, plan))
    comparisons: list[stats.Computed[AnyComparison]] = [
        _compare_quantiles(each, found[0], how) for each in found[1:]
    ]
    return _finish(metric, plan, standing, _Computed(values, comparisons, (None,) * len(comparisons)))


def _compare_quantiles(
    treatment: stats.Computed[stats.Quantile],
    control: stats.Computed[stats.Quantile],
    how: stats.ComparisonPlan,
) -> stats.Computed[stats.Comparison]:
    """Compare two quantiles where both can be told."""
    for each in (treatment, control):
        if isinstance(each, stats.NotComputable):
            return each
    return stats.compare_quantiles(cast("stats.Quantile", treatment), cast("stats.Quantile", control), how)


def _time_margin(
    metric: PlannedMetric, comparison: stats.Computed[AnyComparison], alpha: float
) -> stats.Computed[stats.MarginTest] | None:
    """Test the ratio of restricted means against a margin, on the log scale."""
    if metric.role != "guardrail" or metric.margin is None:
        return None
    if isinstance(comparison, stats.NotComputable):
        return comparison
    lower, upper, middle = comparison.rel_ci_lower, comparison.rel_ci_upper, comparison.rel_effect
    if lower is None or upper is None or middle is None or min(lower, middle) <= -1:
        return stats.NotComputable("zero_baseline")
    normal = NormalDist()
    se = (math.log1p(upper) - math.log1p(lower)) / (2 * normal.inv_cdf(1 - alpha / 2))
    sign = 1 if metric.direction == "down" else -1
    if se <= 0:
        return stats.NotComputable("zero_variance")
    harm, limit = sign * math.log1p(middle), math.log1p(metric.margin)
    p_value, bound = normal.cdf((harm - limit) / se), harm + normal.inv_cdf(1 - alpha) * se
    return stats.MarginTest(
        is_shown=p_value < alpha,
        is_breached=1 - p_value < alpha,
        p_value=p_value,
        p_breach=1 - p_value,
        harm=math.expm1(harm),
        harm_upper=math.expm1(bound),
        margin=metric.margin,
        scale="relative",
    )


class _Computed(NamedTuple):
    """What was computed of one row."""

    values: tuple[VariantValue, ...]
    comparisons: list[stats.Computed[AnyComparison]]
    margins: tuple[stats.Computed[stats.MarginTest] | None, ...]
    note: str = ""
    """What to add to the name of the method."""
    evidence: MetricEvidence | None = None


def _finish(
    metric: PlannedMetric, plan: AnalysisPlan, standing: Standing, computed: _Computed
) -> MeasuredMetric:
    """Put a row together."""
    treatments = plan.variants[1:]
    effects = tuple(
        _effect(variant.key, comparison, metric, standing, computed.note)
        for variant, comparison in zip(treatments, computed.comparisons, strict=True)
    )
    result = MetricResult(
        key=metric.key,
        title=metric.title,
        kind=metric.kind,
        role=metric.role,
        direction=metric.direction,
        unit=metric.unit,
        margin=metric.margin,
        margin_scale=metric.scale,
        values=computed.values,
        effects=effects,
        denominator=find_kind(metric.kind).denominator,
        is_descriptive=metric.is_descriptive,
    )
    return MeasuredMetric(
        metric=metric,
        result=result,
        comparisons=tuple(computed.comparisons),
        margins=computed.margins,
        evidence=computed.evidence,
    )


def _effect(
    variant: str,
    comparison: stats.Computed[AnyComparison],
    metric: PlannedMetric,
    standing: Standing,
    method: str,
) -> Effect:
    """Render one comparison."""
    verdict = stats.judge_effect(
        comparison, metric.direction, is_final=standing.is_final, is_trusted=standing.is_trusted
    )
    if isinstance(comparison, stats.NotComputable):
        return not_computable_effect(variant, verdict, comparison.reason)
    if metric.is_descriptive and verdict != "not_trusted":
        verdict = "descriptive"
    name = comparison.method if isinstance(comparison, stats.Comparison) else "restricted mean time"
    flags = comparison.flags if isinstance(comparison, stats.Comparison) else ()
    return Effect(
        variant=variant,
        effect=plain(comparison.effect),
        se=plain(comparison.se),
        ci_lower=plain(comparison.ci_lower),
        ci_upper=plain(comparison.ci_upper),
        rel_effect=plain(comparison.rel_effect),
        rel_ci_lower=plain(comparison.rel_ci_lower),
        rel_ci_upper=plain(comparison.rel_ci_upper),
        p_value=plain(comparison.p_value),
        verdict=verdict,
        method=name + method,
        reason=", ".join(flags) or None,
        rel_reason=comparison.rel_reason,
    )


def not_computable_effect(variant: str, verdict: str, reason: str) -> Effect:
    """Return the row of an effect that has a reason and no number."""
    return Effect(
        variant=variant,
        effect=None,
        se=None,
        ci_lower=None,
        ci_upper=None,
        rel_effect=None,
        rel_ci_lower=None,
        rel_ci_upper=None,
        p_value=None,
        verdict=verdict,
        method="none",
        reason=reason,
    )


def plain(number: Any) -> float | None:
    """Return a finite Python float, or nothing: a report holds no NaN and no infinity."""
    if number is None or not np.isfinite(number):
        return None
    return float(number)


def adjust_family(rows: Sequence[MeasuredMetric], alpha: float) -> list[MeasuredMetric]:
    """Apply Holm over a family of rows: a row that does not survive is inconclusive.

    The p-values stay as they were found; only the verdicts answer for the whole family.
    """
    if len(rows) < 2:
        return list(rows)
    places = [
        (row, effect)
        for row, measured in enumerate(rows)
        for effect, item in enumerate(measured.result.effects)
        if item.p_value is not None
    ]
    found = [cast("float", rows[row].result.effects[effect].p_value) for row, effect in places]
    adjusted = dict(zip(places, stats.adjust_p_values(found, method="holm"), strict=True))
    return [
        _apply_adjustment(measured, row, adjusted, alpha, len(found)) for row, measured in enumerate(rows)
    ]


def _apply_adjustment(
    measured: MeasuredMetric, row: int, adjusted: dict[tuple[int, int], float], alpha: float, size: int
) -> MeasuredMetric:
    """Rewrite the verdicts of one row by its adjusted p-values."""
    effects = []
    for position, effect in enumerate(measured.result.effects):
        p_holm = adjusted.get((row, position))
        lost = p_holm is not None and p_holm >= alpha and effect.verdict in {"better", "worse"}
        changes: dict[str, Any] = (
            {"method": f"{effect.method}; verdict by Holm over {size}"} if p_holm is not None else {}
        )
        if lost:
            changes["verdict"] = "inconclusive"
        effects.append(msgspec.structs.replace(effect, **changes))
    result = msgspec.structs.replace(measured.result, effects=tuple(effects))
    return replace(measured, result=result)
