"""What the ledger held a moment ago: a page that evaluates ten flags for one visitor asks the database once."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from typing import Final, NamedTuple

from abplat.services.ledger import Held

MAX_AGE_S: Final = 1.0
_CAPACITY: Final = 20_000


class Known(NamedTuple):
    """Who was presented, what the ledger holds for them, and where they stand."""

    held: Held
    standing: Mapping[str, str]


class Holdings:
    """Held for a second at most, and not beyond a log-in that this process has heard of.

    What another process has joined or kept is known here a second later: as late as a changed configuration.
    """

    def __init__(self, max_age_s: float = MAX_AGE_S) -> None:
        """Start empty."""
        self._max_age_s = max_age_s
        self._lock = threading.Lock()
        self._held: dict[tuple[str, tuple[str, ...]], tuple[float, int, Known]] = {}
        self._generation: dict[str, int] = {}

    def generation(self, project: str) -> int:
        """Return what :meth:`put` has to be told: taken before the database is asked."""
        return self._generation.get(project, 0)

    def get(self, project: str, presented: tuple[str, ...]) -> Known | None:
        """Return what was known of some ids, if that is recent enough."""
        found = self._held.get((project, presented))
        if found is None or time.monotonic() - found[0] >= self._max_age_s:
            return None
        return found[2] if found[1] == self.generation(project) else None

    def put(self, project: str, presented: tuple[str, ...], known: Known, generation: int) -> None:
        """Remember what is known of some ids."""
        with self._lock:
            if len(self._held) >= _CAPACITY:
                self._held.clear()
            self._held[project, presented] = (time.monotonic(), generation, known)

    def forget(self, project: str) -> None:
        """Ask the database again: ids of the project were joined."""
        with self._lock:
            self._generation[project] = self.generation(project) + 1
