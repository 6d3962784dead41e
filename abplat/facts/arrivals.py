"""Counts how events arrive: taken, doubled, refused, dropped by SDKs, sent by clocks that go wrong.

Counted in memory and written every few seconds together with the next events, so that the door pays
nothing for it; a process that is killed loses the last counts, never an event. No result rests on them.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Final

from sqlalchemy import Connection

from abplat.db.driver import run_many

DAY_US: Final = 86_400_000_000
EVERY_S: Final = 5.0
ACCEPTED: Final = "accepted"
DUPLICATES: Final = "duplicates"
REFUSED: Final = "refused"
DROPPED: Final = "dropped"
SKEWED: Final = "skewed"
"""Batches whose sender's clock is more than five minutes off ours."""
BATCHES: Final = "batches"
MAX_SKEW_US: Final = 300_000_000
_ADD: Final = """
INSERT INTO arrivals (project, day, measure, n) VALUES (?, ?, ?, ?)
ON CONFLICT (project, day, measure) DO UPDATE SET n = arrivals.n + excluded.n
"""
Work = Callable[[Connection], None]


class Arrivals:
    """The counts of one process that are not written yet. Safe to use from many threads."""

    def __init__(self, every_s: float = EVERY_S) -> None:
        """Start with nothing counted."""
        self._every_s = every_s
        self._lock = threading.Lock()
        self._counts: Counter[tuple[str, int, str]] = Counter()
        self._due = time.monotonic() + every_s

    def note(self, project: str, now_us: int, counts: Mapping[str, int]) -> None:
        """Add to the counts of today."""
        day = now_us // DAY_US
        with self._lock:
            for measure, count in counts.items():
                if count:
                    self._counts[project, day, measure] += count

    def take_due(self) -> Work | None:
        """Return what writes the counts, when it is time for it, and begin anew."""
        if time.monotonic() < self._due:
            return None
        return self.take()

    def take(self) -> Work | None:
        """Return what writes the counts, where there are any, and begin anew."""
        with self._lock:
            self._due = time.monotonic() + self._every_s
            taken, self._counts = self._counts, Counter()
        if not taken:
            return None
        # In one order, so that two processes cannot wait for each other.
        rows = [(*place, count) for place, count in sorted(taken.items())]
        return lambda connection: run_many(connection, _ADD, rows)
