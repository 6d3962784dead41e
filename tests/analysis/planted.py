"""Facts with one planted fault each, and clean ones: each is to be found by the check meant for it alone.

People are met on one or two anonymous devices, on each of which the variant is drawn anew, as without
a ledger. What is planted: recognition (meeting the treatment makes people log in, and so joins their
devices), novelty (the lift of the first days is gone later), a shift of paths (as many complete, another
way), and nothing.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from abplat.analysis.plan import AnalysisPlan
from abplat.clock import to_micros
from abplat.facts.lake import Lake
from abplat.facts.rows import AliasRow, ExposureRow, TouchpointRow
from abplat.facts.tables import to_table

from .simulated import DAY, HOUR, START, make_shop_plan

VARIANTS = ("control", "treatment")


@dataclass
class Planted:
    """Simulated people. ``run`` plants what it is told to."""

    folder: Path
    seed: int = 11
    rows: dict[str, list[Any]] = field(
        default_factory=lambda: {"touchpoint": [], "exposure": [], "alias": []}
    )

    def __post_init__(self) -> None:
        """Seed the chance."""
        self.chance = random.Random(self.seed)

    def run(self, n: int = 1_500, *, second: float = 0.0, **planted: Any) -> None:
        """Let people come.

        Args:
            n: People.
            second: Share of them with a second device.
            planted: ``recognition``, ``novelty``, ``path``: how strong each is; ``known``: whether people
                are met by their customer id.
        """
        for person in range(n):
            at = to_micros(START) + int(self.chance.random() * 20 * DAY)
            if planted.get("known", True):
                self._come(f"cust:{person}", at, planted)
            else:
                self._come_anonymous(person, at, second, planted.get("recognition", 0.0), planted)

    def _come_anonymous(
        self, person: int, at: int, second: float, recognition: float, planted: dict[str, Any]
    ) -> None:
        """Meet a person on one or two devices; log-in joins them."""
        devices = [f"anon:{person}-a"] + ([f"anon:{person}-b"] if self.chance.random() < second else [])
        variants = [
            self._come(device, at + place * 6 * HOUR, planted) for place, device in enumerate(devices)
        ]
        moved = recognition if "treatment" in variants else 0.0
        if self.chance.random() < 0.3 + moved:
            for device in devices:
                self.add("alias", AliasRow(f"a-{device}", device, f"cust:{person}", at + 30 * HOUR, "login"))

    def _come(self, actor: str, at: int, planted: dict[str, Any]) -> str:
        """Expose one device and let its journey run; return the variant."""
        variant = self.chance.choice(VARIANTS)
        treated = variant == "treatment"
        self.add("exposure", ExposureRow(f"x-{actor}", actor, "form", variant, at, "web", "split"))
        self._touch(actor, "visit", at + HOUR, "web")
        calls = 0.3 + (planted.get("path", 0.0) if treated else 0.0)
        by_phone = self.chance.random() < calls
        if by_phone:
            self._touch(actor, "call", at + 2 * HOUR, "phone")
        if self.chance.random() < 0.6:
            self._touch(actor, "quote", at + 3 * HOUR, "web", props='{"kind":"tent"}')
            if self.chance.random() < 0.6:
                self._touch(
                    actor, "purchase", at + 4 * HOUR + self._delay(), "phone" if by_phone else "web", 100.0
                )
        self._habit(actor, at, planted.get("novelty", 0.0) if treated else 0.0)
        return variant

    def _delay(self) -> int:
        """Return how long somebody thinks."""
        return int(self.chance.random() * 2 * DAY)

    def _habit(self, actor: str, at: int, novelty: float) -> None:
        """Let people spend something every day; what is new makes them spend more at first."""
        for day in range(6):
            if self.chance.random() < 0.25 * (1 + novelty * 0.4**day):
                self._touch(actor, f"spend{day}", at + day * DAY + 5 * HOUR, None, 10.0, name="spend")

    def _touch(
        self, actor: str, key: str, ts: int, channel: str | None, value: float | None = None, **over: str
    ) -> None:
        """Record a touchpoint."""
        name, props = over.get("name", key), over.get("props")
        self.add("touchpoint", TouchpointRow(f"t-{actor}-{key}", actor, name, ts, channel, value, props))

    def add(self, kind: str, row: Any) -> None:
        """Keep a row."""
        self.rows[kind].append(row)

    def write(self) -> Lake:
        """Append everything to the lake of the folder."""
        lake = Lake(self.folder / "lake")
        for kind, rows in self.rows.items():
            if rows:
                table = to_table(kind, rows, [row.ts_us for row in rows])
                lake.append("shop", kind, table, app="test", sequence=1)
        return lake


def make_planted_plan(**over: Any) -> AnalysisPlan:
    """Return the plan of the planted experiment."""
    metrics = [{"metric": "completed", "role": "primary"}, {"metric": "calls", "role": "secondary"}]
    return make_shop_plan(**{"metrics": metrics, **over})
