"""Keeps the facts of erased people out at the door, from memory: the drain is exact, the door is quick."""

from __future__ import annotations

import threading
import time

from sqlalchemy import Engine

from abplat.db.queries import suppression as queries
from abplat.domain.suppression import Suppression


class Doorkeeper:
    """The suppressed ids of each project, held in memory by one process and looked at again every second."""

    def __init__(self, engine: Engine, max_age_s: float = 1.0) -> None:
        """Start empty."""
        self._engine = engine
        self._max_age_s = max_age_s
        self._lock = threading.Lock()
        self._held: dict[str, tuple[float, Suppression | None]] = {}

    def find(self, project: str) -> Suppression | None:
        """Return whom to refuse; None where nobody was ever erased."""
        held = self._held.get(project)
        if held is not None and time.monotonic() - held[0] < self._max_age_s:
            return held[1]
        with self._lock:
            found = self._look(project, held[1] if held else None)
            self._held[project] = (time.monotonic(), found)
            return found

    def _look(self, project: str, known: Suppression | None) -> Suppression | None:
        """Read the database, and all digests only where there are others than before."""
        with self._engine.connect() as connection:
            if queries.count(connection, project) == (len(known.digests) if known else 0):
                return known
            return queries.read(connection, project)
