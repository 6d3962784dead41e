"""The fold for those who check the numbers: every estimate of an effect side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from abplat.domain.notes import say_note
from abplat.domain.report import Effect, MetricResult, Report
from abplat.domain.report_estimates import Estimate
from abplat.web import wording
from abplat.web.link_rows import variant_title
from abplat.web.metric_rows import METHODS

ESTIMATES = {
    "raw": "Raw",
    "capped": "Capped",
    "adjusted": "Variance-reduced",
    "stratified": "Stratified",
}


@dataclass(frozen=True, slots=True)
class DebugRow:
    """The estimate that the metric table shows, with all that it rests on."""

    metric: str
    variant: str
    change: str
    se: str
    p_value: str
    method: str
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class EstimateCell:
    """One effect, estimated in one way."""

    change: str
    plausible: str
    detail: str
    is_used: bool


@dataclass(frozen=True, slots=True)
class EstimateRow:
    """One effect, estimated in every way; a gap where a way has no meaning for it."""

    metric: str
    variant: str
    cells: tuple[EstimateCell | None, ...]


@dataclass(frozen=True, slots=True)
class EstimateTable:
    """All effects, one way a column."""

    columns: tuple[str, ...]
    rows: tuple[EstimateRow, ...]
    note: str


def list_debug_rows(report: Report) -> tuple[DebugRow, ...]:
    """Return the estimate that was used for every effect."""
    return tuple(_row(report, metric, effect) for metric in report.metrics for effect in metric.effects)


def list_queries(report: Report) -> tuple[tuple[str, str], ...]:
    """Return the queries that the report was made by, each with its name, word for word."""
    evidence = report.evidence
    return tuple((wording.humanise(query.name), query.sql) for query in evidence.queries) if evidence else ()


def make_estimates(report: Report) -> EstimateTable | None:
    """Lay the estimates of every effect side by side; None where the report holds none."""
    section = report.estimates
    if section is None or not section.estimates:
        return None
    ways = list(dict.fromkeys((each.kind, each.strata) for each in section.estimates))
    order = list(ESTIMATES)
    ways.sort(key=lambda way: (order.index(way[0]) if way[0] in order else len(order), way[1] or ""))
    rows = tuple(
        EstimateRow(metric.title, variant_title(report, effect.variant), cells)
        for metric in report.metrics
        for effect in metric.effects
        if any(cells := _cells(metric, effect.variant, section.estimates, ways))
    )
    return EstimateTable(tuple(_say_way(*way) for way in ways), rows, section.note)


def _say_way(kind: str, strata: str | None) -> str:
    """Name a way to estimate."""
    name = ESTIMATES.get(kind) or wording.humanise(kind)
    return f"{name} by {strata}" if strata else name


def _cells(
    metric: MetricResult, variant: str, found: Sequence[Estimate], ways: Sequence[tuple[str, str | None]]
) -> tuple[EstimateCell | None, ...]:
    """Return one effect in every way."""
    mine = {
        (each.kind, each.strata): each
        for each in found
        if (each.metric, each.variant) == (metric.key, variant)
    }
    return tuple(_cell(metric, mine[way]) if way in mine else None for way in ways)


def _cell(metric: MetricResult, estimate: Estimate) -> EstimateCell:
    """Say one estimate."""
    if estimate.effect is None:
        return EstimateCell(wording.say_reason(estimate.reason), "", "", estimate.is_used)
    change = wording.quantity(estimate.effect, metric.unit, signed=True)
    if estimate.ci_lower is None or estimate.ci_upper is None:
        return EstimateCell(change, "", "", estimate.is_used)
    share = estimate.share_of_variance
    detail = "" if share is None or share == 1 else f"variance {wording.percent(share)} of the first"
    plausible = wording.interval(estimate.ci_lower, estimate.ci_upper, metric.unit)
    return EstimateCell(change, plausible, detail, estimate.is_used)


def _row(report: Report, metric: MetricResult, effect: Effect) -> DebugRow:
    """Write one estimate."""
    codes = [code for code in (effect.reason or "").split(", ") if code]
    codes += [effect.rel_reason] if effect.rel_reason else []
    return DebugRow(
        metric=metric.title,
        variant=variant_title(report, effect.variant),
        change=_say_change(metric, effect),
        se=wording.DASH if effect.se is None else f"{effect.se:.4g}",
        p_value=wording.p_value(effect.p_value),
        method=METHODS.get(effect.method, wording.humanise(effect.method)) if effect.method else wording.DASH,
        notes=tuple(say_note(code) for code in codes),
    )


def _say_change(metric: MetricResult, effect: Effect) -> str:
    """Say an estimate in the unit of its metric."""
    if effect.effect is None:
        return wording.say_reason(effect.reason)
    change = wording.quantity(effect.effect, metric.unit, signed=True)
    if effect.ci_lower is None or effect.ci_upper is None:
        return change
    return f"{change} ({wording.interval(effect.ci_lower, effect.ci_upper, metric.unit)})"
