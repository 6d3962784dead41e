"""Worlds with one planted truth each: an effect on one named link, a moved channel, biased answers, a trap."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from abplat.analysis.plan import AnalysisPlan, make_plan
from abplat.analysis.scorecard import analyse
from abplat.clock import to_micros
from abplat.config import Settings
from abplat.domain.report import Report
from abplat.facts.lake import Lake
from abplat.facts.rows import ExposureRow, ScoreRow, TouchpointRow
from abplat.facts.tables import to_table

from .simulated import AS_OF, DAY, HOUR, JOURNEY, START
from .small_world import make_metric

QUOTE = '{"kind":"tent"}'
CHECKS = ("link", "shift", "response", "conflict")


@dataclass(frozen=True)
class Arm:
    """Chances of one arm; answers are given by chance per satisfaction, which is 1 to 5."""

    quote: float = 0.5
    purchase: float = 0.5
    form: float = 0.3
    phone: float = 0.2
    chat: float = 0.1
    satisfied: tuple[float, ...] = (0.1, 0.15, 0.25, 0.3, 0.2)
    answers: tuple[float, ...] = (0.35, 0.35, 0.35, 0.35, 0.35)


BASE = Arm()
WORLDS = {
    "nothing": BASE,
    "link": replace(BASE, purchase=0.64),
    "shift": replace(BASE, phone=0.11, chat=0.19),
    "response": replace(BASE, answers=(0.75, 0.7, 0.35, 0.3, 0.3)),
    "conflict": replace(BASE, form=0.5, quote=0.36),
}
"""By the check that is meant to find it; ``conflict`` harms the link from visit to quote as well."""
METRICS = [
    make_metric("completed", "completion", journey="buy"),
    make_metric("form", "touchpoint", match=[{"event": "form"}]),
    make_metric("contacts", "contacts", match=[{"event": "contact"}]),
    make_metric("csat", "csat", score="csat", measure="mean"),
    make_metric("answered", "response_rate", score="csat", over=[{"event": "invited"}]),
    make_metric("revenue", "value", match=[{"event": "purchase"}]),
]
ROLES = {"completed": "primary", "form": "touchpoint"}


@dataclass
class Facts:
    """Rows of one world."""

    touchpoints: list[TouchpointRow] = field(default_factory=list)
    exposures: list[ExposureRow] = field(default_factory=list)
    scores: list[ScoreRow] = field(default_factory=list)

    def touch(self, who: int, name: str, ts: int, channel: str | None, **over: Any) -> None:
        """Add an event."""
        key = f"{who}-{name}-{channel}"
        self.touchpoints.append(
            TouchpointRow(key, f"cust:{who}", name, ts, channel, over.get("value"), over.get("props"))
        )


def simulate(treatment: Arm, n: int, seed: int) -> Facts:
    """Let n customers walk, half of them in each arm."""
    chance, facts = np.random.default_rng(seed), Facts()
    start = to_micros(START)
    for who in range(n):
        arm, variant = (treatment, "treatment") if chance.random() < 0.5 else (BASE, "control")
        t = start + int(chance.random() * 20 * DAY)
        facts.exposures.append(
            ExposureRow(f"x{who}", f"cust:{who}", "form", variant, t, "web", "split", "v1")
        )
        facts.touch(who, "visit", t + HOUR, "web")
        if chance.random() < arm.form:
            facts.touch(who, "form", t + 2 * HOUR, "web")
        if chance.random() < arm.quote:
            facts.touch(who, "quote", t + 3 * HOUR, "web" if chance.random() < 0.6 else "store", props=QUOTE)
            if chance.random() < arm.purchase:
                value = float(chance.lognormal(4, 0.5))
                facts.touch(who, "purchase", t + 4 * HOUR + int(chance.random() * DAY), "store", value=value)
        for channel in ("phone", "chat"):
            if chance.random() < getattr(arm, channel):
                facts.touch(who, "contact", t + 5 * HOUR, channel)
        _ask(facts, who, t, arm, chance)
    return facts


def _ask(facts: Facts, who: int, t: int, arm: Arm, chance: np.random.Generator) -> None:
    """Invite a customer to answer; who does depends on satisfaction alone, or on nothing."""
    facts.touch(who, "invited", t + DAY, None)
    level = int(chance.choice(5, p=arm.satisfied))
    if chance.random() < arm.answers[level]:
        facts.scores.append(ScoreRow(f"s{who}", f"cust:{who}", "csat", float(level + 1), t + 2 * DAY, None))


def write(facts: Facts, folder: Path) -> Lake:
    """Write the rows into a lake."""
    lake = Lake(folder / "lake")
    for kind, rows in (
        ("touchpoint", facts.touchpoints),
        ("exposure", facts.exposures),
        ("score", facts.scores),
    ):
        table = to_table(kind, rows, [row.ts_us for row in rows])
        lake.append("shop", kind, table, app="test", sequence=1)
    return lake


def make_planted_plan(**over: Any) -> AnalysisPlan:
    """Return the plan that all worlds are judged by."""
    journey = {"key": "buy", "version": 1, "document": {**JOURNEY, "scope": ["form"]}}
    experiment = {
        "key": "form", "title": "Form", "owner": "Ada", "journey": "buy", "unit_type": "cust",
        "variants": [{"key": "control", "weight": 5000}, {"key": "treatment", "weight": 5000}],
        "metrics": [{"metric": each["key"], "role": ROLES.get(each["key"], "secondary")} for each in METRICS],
        "horizon": "7d",
        "mechanism": [
            {"source": "quote", "target": "purchase", "moves": "up"},
            {"source": "visit", "target": "quote", "moves": "none", "tolerance": 0.05},
        ],
        **over,
    }  # fmt: skip
    frozen = {
        "project": "shop", "experiment": experiment, "journey": journey, "journeys": {"buy": journey},
        "metrics": {each["key"]: each for each in METRICS},
    }  # fmt: skip
    return make_plan(frozen, state="stopped", started_at=START, stopped_at=AS_OF)


def judge_world(world: str, folder: Path, *, n: int, seed: int) -> Report:
    """Simulate one world and analyse it."""
    lake = write(simulate(WORLDS[world], n, seed), folder)
    return analyse(lake, make_planted_plan(), AS_OF, Settings(data_dir=folder))


def alarms(report: Report) -> set[str]:
    """Return which of the checks have found what they are meant to find."""
    found = set()
    detail, scan = report.link_detail, report.conflict_scan
    assert detail is not None
    assert scan is not None
    [mechanism] = detail.mechanism
    if mechanism.links[0].grade == "as_expected":
        found.add("link")
    if any(shift.state in {"shifted", "partly_shifted"} for shift in detail.shifts):
        found.add("shift")
    if any(score.is_selected for score in report.scores):
        found.add("response")
    if any(row.state == "conflict" for row in scan.scan):
        found.add("conflict")
    return found
