"""Seeded traffic that arrives badly: late, twice, out of order, with links that come after the fact."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

from abplat.analysis.plan import AnalysisPlan, make_plan
from abplat.facts.lake import Lake
from abplat.facts.rows import AliasRow, ExposureRow, Row, TouchpointRow
from abplat.facts.tables import to_table

PROJECT = "shop"
DAY = 86_400_000_000
FIRST = 19_800 * DAY
N_DAYS = 12
AS_OF_US = FIRST + (N_DAYS + 2) * DAY


@dataclass(frozen=True, slots=True)
class Arrival:
    """One row as it arrived."""

    kind: str
    row: Row
    received_us: int


def make_arrivals(seed: int, n: int = 400) -> list[Arrival]:
    """Return arrivals in the order in which they are drained, which is not that of their receipt."""
    draw = random.Random(seed)
    people = [f"cust:{i}" for i in range(12)]
    ids = [*people, *(f"anon:{i}" for i in range(16)), "anon:null", "loyalty:1", "loyalty:2"]
    found = []
    for number in range(n):
        # Whole minutes, so that instants collide; a fifth arrives days late.
        ts = FIRST + draw.randrange(N_DAYS * 24 * 6) * 600_000_000
        received = ts + draw.choice([1, 1, 1, 2 * 3_600_000_000, 5 * DAY])
        found.append(Arrival(*_make(draw, number, ids, people, ts), received))
    copies = [_copy(draw, one) for one in found if draw.random() < 0.12]
    arrivals = found + copies
    arrivals.sort(key=lambda one: one.received_us + draw.randrange(2 * DAY))
    return [one for one in arrivals if one.received_us <= AS_OF_US]


def _make(draw: random.Random, number: int, ids: list[str], people: list[str], ts: int) -> tuple[str, Row]:
    """Make one row."""
    kind = draw.choices(["touchpoint", "exposure", "alias"], [80, 12, 8])[0]
    event_id = f"{draw.getrandbits(64):016x}-{number}"
    if kind == "alias":
        return kind, AliasRow(event_id, draw.choice(ids), draw.choice([*people, *ids]), ts)
    actor, channel = draw.choice(ids), draw.choice(["web", "app", "phone", None])
    if kind == "exposure":
        key, variant = (
            draw.choice(["one", "two"]),
            draw.choice(["control", "treatment", "treatment", "stray"]),
        )
        reason = draw.choice(["split"] * 9 + ["override"])
        return kind, ExposureRow(event_id, actor, key, variant, ts, channel, reason=reason)
    name = draw.choice(["visit", "visit", "quote", "purchase", "call", "page"])
    value = float(draw.randrange(1, 90)) / 7 if name == "purchase" else None
    return kind, TouchpointRow(event_id, actor, name, ts, channel, value)


def _copy(draw: random.Random, one: Arrival) -> Arrival:
    """Return another copy of an event: received at another time, sometimes with another content."""
    row = one.row
    if isinstance(row, TouchpointRow) and draw.random() < 0.5:
        shift = draw.choice([0, -600_000_000, DAY, 2 * DAY])
        row = TouchpointRow(row.event_id, row.actor, "quote", row.ts_us + shift, row.channel, row.value)
    return Arrival(one.kind, row, max(one.received_us + draw.choice([-1, 0, DAY, 6 * DAY]), FIRST))


def drain(lake: Lake, arrivals: list[Arrival], first_batch: int = 1, size: int = 40) -> int:
    """Append arrivals in batches; return the next batch."""
    batch = first_batch
    for start in range(0, len(arrivals), size):
        piece = arrivals[start : start + size]
        for kind in sorted({one.kind for one in piece}):
            mine = [one for one in piece if one.kind == kind]
            rows = to_table(kind, [one.row for one in mine], [one.received_us for one in mine], batch)
            lake.append(PROJECT, kind, rows, app=f"test-{kind}", sequence=batch)
        batch += 1
    return batch


def make_test_plan(key: str = "one", **journey: Any) -> AnalysisPlan:
    """Return the plan of one of two experiments."""
    stages = [{"key": name, "match": [{"event": name}]} for name in ("visit", "quote", "purchase")]
    document = {"key": "buy", "owner": "tests", "stages": stages, "window": "4d", **journey}
    metrics: dict[str, dict[str, Any]] = {
        "completed": {"kind": "completion"},
        "time": {"kind": "time_to_complete"},
        "effort": {"kind": "effort"},
        "calls": {"kind": "touchpoint", "measure": "count", "match": [{"event": "call"}]},
        "revenue": {"kind": "value"},
    }
    frozen = {"key": "buy", "version": 1, "document": document}
    experiment = {
        "key": key,
        "journey": "buy",
        "horizon": "3d",
        "variants": [{"key": "control", "weight": 5000}, {"key": "treatment", "weight": 5000}],
        "metrics": [{"metric": name, "role": "primary" if name == "completed" else "secondary"} for name in metrics],
    }  # fmt: skip
    return make_plan(
        {"project": PROJECT, "experiment": experiment, "journey": frozen, "journeys": {"buy": frozen}, "metrics": metrics}
    )  # fmt: skip
