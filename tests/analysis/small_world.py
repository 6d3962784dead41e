"""Four customers whose every step is written down, so that each metric can be counted by hand."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson

from abplat.analysis.plan import AnalysisPlan, make_plan
from abplat.analysis.scorecard import analyse
from abplat.clock import format_instant, from_micros, to_micros
from abplat.config import Settings
from abplat.domain.catalogue import canonical
from abplat.domain.report import MetricResult, Report
from abplat.facts.lake import Lake
from abplat.facts.rows import ExposureRow, ScoreRow, TouchpointRow
from abplat.facts.tables import to_table

from .simulated import DAY, HOUR, START

AS_OF = START + timedelta(days=60)
T0 = to_micros(START)
JOURNEY: dict[str, Any] = {
    "key": "buy",
    "title": "Buy",
    "owner": "Ada",
    "window": "7d",
    "scope": ["call"],
    "stages": [
        {"key": "visit", "match": [{"event": "visit"}], "lifecycle": "prospect"},
        {"key": "quote", "match": [{"event": "quote"}]},
        {"key": "purchase", "match": [{"event": "purchase"}], "lifecycle": "client"},
    ],
}
EXPOSURES = [("c1", "control", "web", 0), ("c2", "control", "web", 0), ("t1", "treatment", "web", 0),
             ("t2", "treatment", "web", 0), ("t2", "treatment", "app", 5)]  # fmt: skip
EMAIL = {"captured": ["email"]}
STEPS: list[tuple[str, float, str, str | None, float | None, dict[str, Any]]] = [
    ("c1", 1, "visit", "web", None, {}),
    ("c1", 2, "quote", "web", None, {}),
    ("c1", 3, "call", "phone", None, {"topic": "bill", "reason": "quote"}),
    ("c1", 4, "call", "phone", None, {"topic": "bill", "reason": "weather"}),
    ("c1", 26, "purchase", "store", 50.0, {"items": 3}),
    ("c2", 1, "visit", "web", None, EMAIL),
    ("c2", 2, "quote", "web", None, {}),
    ("c2", 3, "visit", "web", None, EMAIL),
    ("c2", 24 * 8, "complaint", None, None, {}),
    ("t1", 1, "visit", "web", None, {}),
    ("t1", 2, "quote", "phone", None, {}),
    ("t1", 2.5, "call", "phone", None, {"topic": "bill"}),
    ("t1", 3, "purchase", "phone", 30.0, {"items": 1}),
    ("t2", 24 * 8, "login", None, None, {}),
    ("t2", 24 * 20, "login", None, None, {}),
    ("c1", -24, "contract", None, None, {"due": format_instant(from_micros(T0 + 3 * DAY))}),
    ("c2", -24, "contract", None, None, {"due": format_instant(from_micros(T0 + 30 * DAY))}),
    ("t1", -24, "contract", None, None, {"due": format_instant(from_micros(T0 + 3 * DAY))}),
    ("c1", 48, "renew", None, None, {}),
    ("t1", 96, "renew", None, None, {}),
    *((who, 28, "invited", None, None, {}) for who in ("c1", "c2", "t1")),
]
SCORES = [("c1", "csat", 5), ("c1", "ces", 6), ("c1", "nps", 10), ("c1", "mood", 0.5),
          ("t1", "csat", 2), ("t1", "ces", 3), ("t1", "nps", 4), ("t1", "mood", -0.8)]  # fmt: skip


def make_lake(folder: Path) -> Lake:
    """Write the four customers into a lake."""
    lake = Lake(folder / "lake")
    facts: dict[str, list[Any]] = {
        "exposure": [
            ExposureRow(f"x{n}", f"cust:{who}", "form", variant, T0 + hours * HOUR, channel, "split", "v1")
            for n, (who, variant, channel, hours) in enumerate(EXPOSURES)
        ],
        "touchpoint": [
            TouchpointRow(f"e{n}", f"cust:{who}", name, T0 + int(hours * HOUR), channel, value, orjson.dumps(props).decode())
            for n, (who, hours, name, channel, value, props) in enumerate(STEPS)
        ],
        "score": [
            ScoreRow(f"s{n}", f"cust:{who}", name, float(value), T0 + 30 * HOUR, None)
            for n, (who, name, value) in enumerate(SCORES)
        ],
    }  # fmt: skip
    for kind, rows in facts.items():
        lake.append("shop", kind, to_table(kind, rows, [row.ts_us for row in rows]), app="test", sequence=1)
    return lake


def make_metric(key: str, kind: str, **over: Any) -> dict[str, Any]:
    """Return a definition as the catalogue keeps it."""
    return canonical("metrics", {"key": key, "title": key, "owner": "Ada", "kind": kind, **over})


def make_world_plan(metrics: list[dict[str, Any]], **over: Any) -> AnalysisPlan:
    """Return the plan of an experiment with some metrics beside its goal."""
    goal = make_metric("goal", "completion", journey="buy")
    journey = {"key": "buy", "version": 1, "document": JOURNEY}
    hidden, observations = over.pop("hidden", []), over.pop("observations", [])
    experiment = {
        "key": "form",
        "title": "Form",
        "owner": "Ada",
        "journey": "buy",
        "unit_type": "cust",
        "variants": [{"key": "control", "weight": 5000}, {"key": "treatment", "weight": 5000}],
        "metrics": [
            {"metric": "goal", "role": "primary"},
            *({"metric": each["key"], "role": "secondary"} for each in metrics),
        ],
        "horizon": "7d",
        **over,
    }
    frozen = {
        "project": "shop",
        "experiment": experiment,
        "journey": journey,
        "journeys": {"buy": journey},
        "metrics": {each["key"]: each for each in (goal, *metrics, *hidden)},
    }
    return make_plan(frozen, state="stopped", started_at=START, stopped_at=AS_OF, observations=observations)


def run_world(folder: Path, metrics: list[dict[str, Any]], **over: Any) -> Report:
    """Analyse the four customers."""
    return analyse(make_lake(folder), make_world_plan(metrics, **over), AS_OF, Settings(data_dir=folder))


def row_of(report: Report, key: str) -> MetricResult:
    """Return one row."""
    return next(metric for metric in report.metrics if metric.key == key)
