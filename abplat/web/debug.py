"""The fold for those who check the numbers: every estimate of an effect side by side."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

from abplat.domain.notes import say_note
from abplat.domain.report import Effect, MetricResult, Report
from abplat.web import wording
from abplat.web.link_rows import variant_title
from abplat.web.metric_rows import METHODS

ESTIMATES = {
    "raw": "Raw",
    "capped": "Capped",
    "adjusted": "Variance-reduced",
    "variance_reduced": "Variance-reduced",
    "cuped": "Variance-reduced",
    "stratified": "Stratified",
    "bayes": "Bayes",
}


@dataclass(frozen=True, slots=True)
class DebugRow:
    """One estimate of one effect."""

    metric: str
    variant: str
    estimate: str
    change: str
    se: str
    p_value: str
    method: str
    notes: tuple[str, ...]


def list_debug_rows(report: Report) -> tuple[DebugRow, ...]:
    """Return the estimate that was used for every effect, and beside it every other that the report holds."""
    return tuple(
        row for metric in report.metrics for effect in metric.effects for row in _rows(report, metric, effect)
    )


def list_queries(report: Report) -> tuple[tuple[str, str], ...]:
    """Return the queries that the report was made by, each with its name, word for word."""
    evidence = report.evidence
    return tuple((wording.humanise(query.name), query.sql) for query in evidence.queries) if evidence else ()


def _rows(report: Report, metric: MetricResult, effect: Effect) -> Iterator[DebugRow]:
    """Yield the estimates of one effect; those beyond the one used are parts of the effect."""
    yield _row(report, metric, effect.variant, "Used", effect)
    for name in effect.__struct_fields__:
        value = getattr(effect, name)
        inner = value if isinstance(value, tuple) else (value,)
        for each in inner:
            if isinstance(each, msgspec.Struct) and hasattr(each, "effect"):
                kind = str(getattr(each, "kind", None) or getattr(each, "name", None) or name)
                title = ESTIMATES.get(kind) or wording.humanise(kind)
                yield _row(report, metric, effect.variant, title, each)


def _row(report: Report, metric: MetricResult, variant: str, title: str, effect: Any) -> DebugRow:
    """Write one estimate."""
    reason = getattr(effect, "reason", None)
    codes = [code for code in (reason or "").split(", ") if code]
    codes += [effect.rel_reason] if getattr(effect, "rel_reason", None) else []
    se = getattr(effect, "se", None)
    method = str(getattr(effect, "method", "") or "")
    return DebugRow(
        metric=metric.title,
        variant=variant_title(report, variant),
        estimate=title,
        change=_say_change(metric, effect),
        se=wording.DASH if se is None else f"{se:.4g}",
        p_value=wording.p_value(getattr(effect, "p_value", None)),
        method=METHODS.get(method, wording.humanise(method)) if method else wording.DASH,
        notes=tuple(say_note(code) for code in codes),
    )


def _say_change(metric: MetricResult, effect: Any) -> str:
    """Say an estimate in the unit of its metric."""
    if effect.effect is None:
        return wording.say_reason(getattr(effect, "reason", None))
    change = wording.quantity(effect.effect, metric.unit, signed=True)
    lower, upper = getattr(effect, "ci_lower", None), getattr(effect, "ci_upper", None)
    if lower is None or upper is None:
        return change
    return f"{change} ({wording.interval(lower, upper, metric.unit)})"
