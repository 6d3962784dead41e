"""How often each local KPI agreed with the journey, over all past experiments with a Report."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final, NamedTuple

from sqlalchemy.orm import Session

from abplat.db.queries import definitions as queries
from abplat.db.queries import reports
from abplat.domain.catalogue import JOURNEYS, Document
from abplat.domain.metrics import TOUCHPOINT_KINDS
from abplat.domain.report import Effect, MetricResult, Report, decode_report

MIN_COMPARISONS: Final = 3
_Z: Final = 1.959964
_OUTNUMBERED: Final = 3
_SHOWN: Final = ("better", "worse")


class _Pair(NamedTuple):
    """A KPI and the goal of its journey in one variant of one experiment."""

    experiment: str
    as_of: str
    variant: str
    kpi: MetricResult
    kpi_effect: Effect
    goal: MetricResult
    goal_effect: Effect

    def agrees(self) -> bool:
        """Tell whether both moved to the good side, or both to the bad."""
        return (_good(self.kpi, self.kpi_effect) > 0) == (_good(self.goal, self.goal_effect) > 0)

    def is_shown(self) -> tuple[bool, bool]:
        """Tell whether the KPI and the goal are shown to have moved."""
        return _is_shown(self.kpi_effect), _is_shown(self.goal_effect)


def read_ledger(session: Session, project: str, journey: str) -> list[Document]:
    """Return a row per KPI of a journey, those with most comparisons first.

    Only the youngest Report of each experiment counts, and none whose checks withhold its verdicts.

    Raises:
        NotFoundError: If the project has no such journey.
    """
    queries.get(session, JOURNEYS, project, journey)
    pairs: dict[str, list[_Pair]] = {}
    for stored in reports.list_youngest(session, project):
        report = decode_report(stored.document)
        if report.journey.key == journey and report.experiment.kind != "aa":
            for pair in _list_pairs(report):
                pairs.setdefault(pair.kpi.key, []).append(pair)
    rows = [_describe(key, found) for key, found in pairs.items()]
    return sorted(rows, key=lambda row: (-row["n"], row["kpi"]))


def _list_pairs(report: Report) -> Iterator[_Pair]:
    """Yield every KPI with a number beside the goal's."""
    goal = next((metric for metric in report.metrics if metric.role == "primary"), None)
    if goal is None or any(finding.severity == "block" for finding in report.findings):
        return
    for metric in report.metrics:
        if metric.role != "touchpoint" and (metric.role == "primary" or metric.kind not in TOUCHPOINT_KINDS):
            continue
        for effect in metric.effects:
            other = next((each for each in goal.effects if each.variant == effect.variant), None)
            if other is not None and effect.effect and other.effect:
                identity = (report.experiment.key, report.inputs.as_of, effect.variant)
                yield _Pair(*identity, metric, effect, goal, other)


def _good(metric: MetricResult, effect: Effect) -> float:
    """Return an effect with up as good."""
    return (effect.effect or 0.0) * (1 if metric.direction == "up" else -1)


def _is_shown(effect: Effect) -> bool:
    """Tell whether the interval of an effect excludes nothing having happened.

    A verdict takes the whole family into account; one that is still too early is none.
    """
    return effect.verdict in _SHOWN


def _describe(key: str, pairs: list[_Pair]) -> Document:
    """Count how a KPI fared."""
    shown = [pair.is_shown() for pair in pairs]
    both = [pair for pair, flags in zip(pairs, shown, strict=True) if all(flags)]
    agreed = sum(pair.agrees() for pair in both)
    same = sum(pair.agrees() for pair in pairs)
    lower, upper = _wilson(same, len(pairs))
    return {
        "kpi": key,
        "title": pairs[-1].kpi.title,
        "n": len(pairs),
        "n_experiments": len({pair.experiment for pair in pairs}),
        "same_sign": same,
        "share": same / len(pairs),
        "ci_lower": lower,
        "ci_upper": upper,
        "both_shown": len(both),
        "agreed": agreed,
        "contradicted": len(both) - agreed,
        "kpi_only": sum(kpi and not goal for kpi, goal in shown),
        "journey_only": sum(goal and not kpi for kpi, goal in shown),
        "record": _name(len(pairs), (lower, upper), agreed, len(both) - agreed),
        "comparisons": [
            {
                "experiment": pair.experiment,
                "variant": pair.variant,
                "as_of": pair.as_of,
                "kpi_effect": pair.kpi_effect.rel_effect,
                "kpi_verdict": pair.kpi_effect.verdict,
                "journey_effect": pair.goal_effect.rel_effect,
                "journey_verdict": pair.goal_effect.verdict,
                "agrees": pair.agrees(),
            }
            for pair in sorted(pairs, key=lambda pair: (pair.as_of, pair.experiment, pair.variant))
        ],
    }


def _wilson(k: int, n: int) -> tuple[float, float]:
    """Return the 95 % interval of a share (Wilson 1927)."""
    middle, spread = (k + _Z**2 / 2) / (n + _Z**2), k * (n - k) / n + _Z**2 / 4
    half = _Z * math.sqrt(spread) / (n + _Z**2)
    return max(0.0, middle - half), min(1.0, middle + half)


def _name(n: int, interval: tuple[float, float], agreed: int, contradicted: int) -> str:
    """Name the record of a KPI."""
    if n < MIN_COMPARISONS:
        return "unknown"
    if interval[1] < 0.5 or (contradicted and agreed < _OUTNUMBERED * contradicted):
        return "poor"
    return "reliable" if interval[0] > 0.5 else "mixed"
