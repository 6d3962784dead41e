"""Plans for the public data sets."""

from __future__ import annotations

from typing import Any

from abplat.analysis.plan import AnalysisPlan, make_plan


def make_stages(*events: str) -> list[dict[str, Any]]:
    """Return one required stage per event."""
    return [{"key": event, "title": event, "match": [{"event": event}]} for event in events]


def make_real_plan(
    key: str,
    variants: dict[str, int],
    stages: tuple[str, ...],
    metrics: list[tuple[dict[str, Any], str]],
    horizon: str,
) -> AnalysisPlan:
    """Return the plan of an experiment that was run elsewhere: it never started here."""
    document = {
        "key": f"{key}-journey",
        "title": key,
        "owner": "tests",
        "window": horizon,
        "stages": make_stages(*stages),
    }
    journey = {"key": document["key"], "version": 1, "document": document}
    experiment = {
        "key": key,
        "title": key,
        "owner": "tests",
        "journey": document["key"],
        "variants": [{"key": name, "weight": weight} for name, weight in variants.items()],
        "metrics": [{"metric": metric["key"], "role": role} for metric, role in metrics],
        "horizon": horizon,
        "alpha": 0.05,
    }
    frozen = {
        "project": "real",
        "experiment": experiment,
        "journey": journey,
        "journeys": {journey["key"]: journey},
        "metrics": {metric["key"]: {"journey": None, **metric} for metric, _ in metrics},
    }
    return make_plan(frozen, state="stopped")
