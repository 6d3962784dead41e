"""A small shop with a known truth: customers who start anonymous, two channels, three experiments."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from abplat.analysis.plan import AnalysisPlan, make_plan
from abplat.clock import to_micros
from abplat.facts.lake import Lake
from abplat.facts.rows import AliasRow, ExposureRow, TouchpointRow
from abplat.facts.tables import to_table

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
AS_OF = datetime(2026, 4, 20, tzinfo=UTC)
HOUR = 3_600_000_000
DAY = 24 * HOUR

JOURNEY: dict[str, Any] = {
    "key": "buy",
    "title": "Buy a tent",
    "owner": "Ada",
    "window": "7d",
    "stages": [
        {"key": "visit", "title": "Visit", "match": [{"event": "visit"}]},
        {"key": "quote", "title": "Quote", "match": [{"event": "quote", "props": {"kind": "tent"}}]},
        {"key": "purchase", "title": "Purchase", "match": [{"event": "purchase"}]},
    ],
}
METRICS: list[dict[str, Any]] = [
    {
        "key": "completed",
        "title": "Journeys completed",
        "owner": "Ada",
        "kind": "completion",
        "journey": "buy",
    },
    {
        "key": "time",
        "title": "Time to complete",
        "owner": "Ada",
        "kind": "time_to_complete",
        "journey": "buy",
        "direction": "down",
    },
    {
        "key": "effort",
        "title": "Touchpoints",
        "owner": "Ada",
        "kind": "effort",
        "journey": "buy",
        "direction": "down",
    },
    {
        "key": "form",
        "title": "Form sent",
        "owner": "Ada",
        "kind": "touchpoint",
        "match": [{"event": "form"}],
        "measure": "customers",
    },
    {
        "key": "calls",
        "title": "Calls",
        "owner": "Ada",
        "kind": "touchpoint",
        "match": [{"event": "call"}],
        "measure": "count",
        "direction": "down",
    },
    {"key": "revenue", "title": "Revenue", "owner": "Ada", "kind": "value", "match": [{"event": "purchase"}]},
    {"key": "spend", "title": "Spent", "owner": "Ada", "kind": "value", "match": [{"event": "spend"}]},
]


@dataclass(frozen=True)
class Truth:
    """What a variant does: chances of each step given the one before, of a form, of a call."""

    quote: float = 0.5
    purchase: float = 0.5
    form: float = 0.3
    call: float = 0.2


@dataclass
class Shop:
    """The facts of a simulated shop, written into a lake."""

    folder: Path
    seed: int = 7
    touchpoints: list[TouchpointRow] = field(default_factory=list)
    exposures: list[ExposureRow] = field(default_factory=list)
    aliases: list[AliasRow] = field(default_factory=list)

    def run(self, truths: dict[str, Truth], n: int = 3_000, experiment: str = "form", **over: Any) -> None:
        """Let customers walk; ``crossover`` and ``weights`` break things on purpose."""
        chance = random.Random(self.seed)
        keys = list(truths)
        weights = over.get("weights", [1] * len(keys))
        for number in range(1, n + 1):
            variant = chance.choices(keys, weights)[0]
            self._walk(f"{experiment}-{number}", experiment, variant, truths[variant], chance)
            if chance.random() < over.get("crossover", 0.0):
                other = keys[(keys.index(variant) + 1) % len(keys)]
                self._expose(
                    f"{experiment}-{number}-x",
                    f"cust:{number}",
                    experiment,
                    other,
                    to_micros(START) + 30 * DAY,
                )

    def _expose(self, key: str, actor: str, experiment: str, variant: str, ts: int) -> None:
        self.exposures.append(ExposureRow(f"x-{key}", actor, experiment, variant, ts, "web", "split", "v1"))

    def _walk(self, key: str, experiment: str, variant: str, truth: Truth, chance: random.Random) -> None:
        number = key.rsplit("-", 1)[1]
        anonymous, known = f"anon:{number}", f"cust:{number}"
        t = to_micros(START) + int(chance.random() * 20 * DAY)
        # What happened before the exposure cannot be an effect of it.
        if chance.random() < 0.3:
            self._touch(key, "past", known, "call", t - 2 * DAY, "phone")
        self._expose(key, anonymous, experiment, variant, t)
        self._touch(key, "visit", anonymous, "visit", t + HOUR, "web")
        if chance.random() < truth.form:
            self._touch(key, "form", anonymous, "form", t + 2 * HOUR, "web")
        if chance.random() < truth.quote:
            self.aliases.append(AliasRow(f"a-{key}", anonymous, known, t + 3 * HOUR, "login"))
            self._touch(key, "quote", known, "quote", t + 3 * HOUR, "web", props='{"kind":"tent"}')
            if chance.random() < truth.purchase:
                later = t + 4 * HOUR + int(chance.random() * 3 * DAY)
                self._touch(key, "purchase", known, "purchase", later, "store", 100 + 50 * chance.random())
        else:
            self.aliases.append(AliasRow(f"a-{key}", anonymous, known, t + 3 * HOUR, "login"))
        if chance.random() < truth.call:
            self._touch(key, "call", known, "call", t + 5 * HOUR, "phone")

    def _touch(  # noqa: PLR0917  the parts of an event
        self,
        key: str,
        step: str,
        actor: str,
        name: str,
        ts: int,
        channel: str,
        value: float | None = None,
        props: str | None = None,
    ) -> None:
        self.touchpoints.append(TouchpointRow(f"t-{key}-{step}", actor, name, ts, channel, value, props))

    def write(self) -> Lake:
        """Append everything to the lake of the folder."""
        lake = Lake(self.folder / "lake")
        for kind, rows in (
            ("touchpoint", self.touchpoints),
            ("exposure", self.exposures),
            ("alias", self.aliases),
        ):
            if rows:
                table = to_table(kind, rows, [row.ts_us for row in rows])
                lake.append("shop", kind, table, app="test", sequence=1)
        return lake


def make_shop_plan(experiment: str = "form", **over: Any) -> AnalysisPlan:
    """Return the frozen plan of the shop's experiment; state and times by keyword."""
    states = {
        name: over.pop(name) for name in ("state", "started_at", "stopped_at", "registry") if name in over
    }
    document = {
        "key": experiment,
        "title": "Shorter form",
        "owner": "Ada",
        "hypothesis": "It is shorter.",
        "journey": "buy",
        "unit_type": "cust",
        "variants": [{"key": "control", "weight": 5000}, {"key": "treatment", "weight": 5000}],
        "metrics": [
            {"metric": "completed", "role": "primary"},
            {"metric": "calls", "role": "guardrail", "margin": 0.5},
            {"metric": "form", "role": "touchpoint"},
            {"metric": "effort", "role": "secondary"},
            {"metric": "time", "role": "secondary"},
            {"metric": "revenue", "role": "secondary"},
        ],
        "horizon": "7d",
        "alpha": 0.05,
        **over,
    }
    journey = {"key": "buy", "version": 2, "document": JOURNEY}
    frozen = {
        "project": "shop",
        "experiment": document,
        "journey": journey,
        "journeys": {"buy": journey},
        "metrics": {metric["key"]: metric for metric in METRICS},
    }
    return make_plan(frozen, **{"state": "stopped", "started_at": START, "stopped_at": AS_OF, **states})
