"""Who came in during the days that stand for the future, and when.

A test meets a customer at an exposure. Where the past knows exposures they are taken; else the
first touchpoint of each customer in these days stands for one. Either way a customer comes in
once, so the second week brings fewer than the first, as it will in the test.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import numpy as np

from abplat.analysis.exposed import OVERRIDE, ExposureFacts
from abplat.analysis.journeys.encode import code
from abplat.analysis.planning.subject import DAY_US, PastExperiment
from abplat.analysis.snapshot import Exposure, Snapshot
from abplat.clock import from_micros
from abplat.config import Settings
from abplat.facts.lake import Lake

HISTORY_DAYS = 28
PSEUDO_VARIANT = "everybody"
Source = Literal["exposures", "first_touchpoints"]


@dataclass(frozen=True, slots=True)
class Window:
    """Whole days in UTC; customers who came in on the last of them have been watched long enough."""

    start_us: int
    end_us: int

    @property
    def n_days(self) -> int:
        """Return the number of days."""
        return (self.end_us - self.start_us) // DAY_US

    @property
    def start(self) -> datetime:
        """The first instant."""
        return from_micros(self.start_us)

    @property
    def end(self) -> datetime:
        """The first instant after it."""
        return from_micros(self.end_us)

    def since(self, first_us: int | None) -> Window:
        """Return the window without the days before there was anything."""
        if first_us is None or first_us < self.start_us:
            return self
        return Window(min(first_us // DAY_US * DAY_US, self.end_us), self.end_us)


def last_window(as_of_us: int, horizon_us: int, days: int = HISTORY_DAYS) -> Window:
    """Return the last days, 28 unless told, whose customers have been watched for the whole horizon.

    Examples:
        >>> last_window(40 * DAY_US + 5, 7 * DAY_US).end_us // DAY_US
        33
    """
    end = max((as_of_us - horizon_us) // DAY_US, days) * DAY_US
    return Window(end - days * DAY_US, end)


class PastSnapshot(Snapshot):
    """A snapshot whose exposures are the entries of the window."""

    def __init__(self, lake: Lake, project: str, as_of_us: int, settings: Settings) -> None:
        """Fix the versions; the entries are found afterwards."""
        super().__init__(lake, project, as_of_us, settings)
        self.entries: list[Exposure] = []

    def exposures(self, experiment: str) -> list[Exposure]:  # noqa: ARG002  # the window has one list
        """Return the entries."""
        return self.entries

    def exposure_facts(self, experiment: str, drawn: str | None = None) -> ExposureFacts:  # noqa: ARG002  # the window has one list
        """Return the entries as columns."""
        variant, variants = code(entry.variant for entry in self.entries)
        channel, channels = code(entry.channel for entry in self.entries)
        return ExposureFacts(
            code=self.codes_of([entry.actor for entry in self.entries]),
            ts=np.array([entry.ts_us for entry in self.entries], np.int64),
            variant=variant,
            variants=variants,
            channel=channel,
            channels=channels,
            sdk=np.full(len(self.entries), -1, np.int32),
            sdks=(),
            phase=np.full(len(self.entries), -1, np.int64),
            inherited=np.zeros(len(self.entries), bool),
            by_hand=np.array([entry.reason == OVERRIDE for entry in self.entries], bool),
        )

    def find_exposures(self, past: PastExperiment, window: Window) -> Window:
        """Take the exposures of an experiment; return the days since its first one."""
        found = super().exposures(past.key)
        self.entries = [entry for entry in found if window.start_us <= entry.ts_us < window.end_us]
        return window.since(found[0].ts_us if found else None)

    def find_first_touchpoints(self, window: Window, event: str | None) -> Window:
        """Take each id's first touchpoint; return the days since the first fact of all."""
        query = (
            "SELECT actor, min(ts_us) FROM touchpoints WHERE ts_us >= ? AND ts_us < ? AND received_us <= ? "
            "AND (? IS NULL OR name = ?) GROUP BY actor ORDER BY 2, 1"
        )
        bounds = [window.start_us, window.end_us, self.as_of_us, event, event]
        rows = self._connection.execute(query, bounds).fetchall()
        self.entries = [Exposure("", actor, PSEUDO_VARIANT, None, int(ts), None) for actor, ts in rows]
        return window.since(self.first_fact_us())

    def first_fact_us(self) -> int | None:
        """Return the time of the oldest touchpoint that is known."""
        query = "SELECT min(ts_us) FROM touchpoints WHERE received_us <= ?"
        [(first,)] = self._connection.execute(query, [self.as_of_us]).fetchall()
        return None if first is None else int(first)
