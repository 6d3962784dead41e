"""Every local KPI of the journey held against its goal: touchpoints, and stages before the last."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from abplat import stats
from abplat.analysis.effects import MeasuredMetric, plain
from abplat.analysis.plan import AnalysisPlan
from abplat.analysis.verdict import describe, orient
from abplat.domain.metrics import TOUCHPOINT_KINDS
from abplat.domain.report import Conflict, Finding
from abplat.domain.report_conflicts import ConflictScanRow


class _Kpi(NamedTuple):
    """A local KPI with its effect, up being good."""

    row: MeasuredMetric
    kind: str
    effect: tuple[float, float]


def scan_conflicts(rows: Sequence[MeasuredMetric], plan: AnalysisPlan) -> tuple[ConflictScanRow, ...]:
    """Hold every KPI of every treatment against the goal, with Holm over the KPIs of a treatment."""
    return tuple(
        row for treatment in range(len(plan.variants) - 1) for row in _scan_one(rows, plan, treatment)
    )


def _scan_one(rows: Sequence[MeasuredMetric], plan: AnalysisPlan, treatment: int) -> list[ConflictScanRow]:
    """Hold the KPIs of one treatment against the goal."""
    goal = next(row for row in rows if row.metric.role == "primary")
    journey = orient(goal, treatment)
    kpis = _list_kpis(rows, plan, treatment)
    if journey is None or not kpis:
        return []
    found = stats.find_conflicts(journey, {each.row.metric.key: each.effect for each in kpis}, plan.alpha)
    whole = f"{goal.metric.title} {describe(goal, treatment, interval=True)}"
    return [
        ConflictScanRow(
            variant=plan.variants[treatment + 1].key,
            kpi=each.row.metric.key,
            title=each.row.metric.title,
            kind=each.kind,
            effect=float(each.effect[0]),
            se=float(each.effect[1]),
            p_value=plain(conflict.p_value),
            p_holm=plain(conflict.p_holm),
            state=conflict.state,
            compatible_harm=plain(conflict.compatible_harm),
            sentence=f"{each.row.metric.title} {describe(each.row, treatment)}, while {whole}.",
        )
        for each, conflict in zip(kpis, found, strict=True)
    ]


def _list_kpis(rows: Sequence[MeasuredMetric], plan: AnalysisPlan, treatment: int) -> list[_Kpi]:
    """Return the KPIs whose effect has a number."""
    last = plan.journey["stages"][-1]["key"]
    found: list[_Kpi] = []
    for row in rows:
        metric = row.metric
        if metric.role == "touchpoint" or (metric.role != "primary" and metric.kind in TOUCHPOINT_KINDS):
            kind = "touchpoint"
        elif metric.kind == "reach" and metric.role != "primary" and metric.stage != last:
            kind = "stage"
        else:
            continue
        effect = orient(row, treatment)
        if effect is not None and effect[1] > 0 and metric.key not in {each.row.metric.key for each in found}:
            found.append(_Kpi(row, kind, effect))
    return found


def scan_findings(scan: Sequence[ConflictScanRow], known: Sequence[Conflict]) -> list[Finding]:
    """Raise each conflict that the touchpoints of the plan do not show already."""
    shown = {(each.variant, each.metric) for each in known}
    return [
        Finding(
            code="conflict",
            severity="warning",
            title=f"{row.title} won, journey lost",
            detail=row.sentence,
            evidence={"variant": row.variant, "metric": row.kpi, "p_value": row.p_holm},
            action="Do not ship: the local gain is paid for later on the journey.",
        )
        for row in scan
        if row.state == "conflict" and (row.variant, row.kpi) not in shown
    ]
