"""Leases without clocks: a holder shows that it lives, and an onlooker measures how long it did not.

Wall clocks jump and differ from machine to machine. So a lease names no time: its holder raises a
counter, and a worker that sees the same counter for long enough, by its own steady clock, takes
over. The number of the lease then grows, and whoever held an older one can finish nothing.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from types import TracebackType

from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from abplat.db.engine import writing
from abplat.db.queries import jobs as queries

_LOG = logging.getLogger(__name__)


class Heartbeat:
    """Raises the counters of leases from a thread of its own, as long as the work goes on."""

    def __init__(self, engine: Engine, leases: Sequence[queries.Lease], seconds: float) -> None:
        """Remember whose hearts to beat, and how often."""
        self._engine = engine
        self._leases = list(leases)
        self._seconds = seconds
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._beat_on, name="abplat-heartbeat", daemon=True)

    def __enter__(self) -> None:
        """Start."""
        self._thread.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop."""
        self._stop.set()
        self._thread.join()

    def _beat_on(self) -> None:
        """Beat until the work is over; what is done or lost needs no beat."""
        while self._leases and not self._stop.wait(self._seconds):
            try:
                with writing(self._engine).begin() as connection:
                    self._leases = [lease for lease in self._leases if queries.beat(connection, lease)]
            except OperationalError as error:
                _LOG.warning("a heartbeat was missed: %s", error.orig)


class Onlooker:
    """Finds running jobs whose holders have stopped beating."""

    def __init__(self, lease_seconds: float, steady: Callable[[], float] = time.monotonic) -> None:
        """Remember how long a holder may be silent."""
        self._lease_seconds = lease_seconds
        self._steady = steady
        self._seen: dict[int, tuple[tuple[int, int], float]] = {}

    def find_silent(self, running: list[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
        """Return the jobs that look the same for longer than a lease lasts.

        Args:
            running: Id, token and beat of every running job, as they are now.
        """
        now = self._steady()
        seen = self._seen
        self._seen = {}
        for job_id, token, beat in running:
            before = seen.get(job_id)
            known = before is not None and before[0] == (token, beat)
            self._seen[job_id] = before if before is not None and known else ((token, beat), now)
        return [each for each in running if now - self._seen[each[0]][1] > self._lease_seconds]
