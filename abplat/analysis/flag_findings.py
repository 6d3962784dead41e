"""Findings from the flags of comparisons: what a reader must know before believing an effect."""

from __future__ import annotations

from collections.abc import Iterable

from abplat.domain.notes import FLAGS
from abplat.domain.report import Finding, MetricResult


def flag_findings(metrics: Iterable[MetricResult]) -> list[Finding]:
    """Raise each flag to one finding that names the metrics and variants it was seen on.

    An effect keeps its flags, between commas, where one without a number keeps its reason.
    """
    seen: dict[str, dict[str, str]] = {}
    for metric in metrics:
        for effect in metric.effects:
            for code in (effect.reason or "").split(", ") if effect.effect is not None else ():
                if code in FLAGS:
                    seen.setdefault(code, {}).setdefault(metric.title, metric.key)
    return [_raise(code, metrics) for code, metrics in sorted(seen.items())]


def _raise(code: str, metrics: dict[str, str]) -> Finding:
    """Make the finding of one flag."""
    note = FLAGS[code]
    evidence: dict[str, float | int | str | None] = {"metrics": ", ".join(metrics.values())}
    return Finding(
        code=code,
        severity=note.severity,
        title=f"{note.short[0].upper()}{note.short[1:]}: {', '.join(metrics)}",
        detail=note.meaning,
        evidence=evidence,
        action=note.action,
    )
