"""When to try again: full jitter, doubling, and one probe at a time."""

from __future__ import annotations

import random
import threading
import time

PROBE_SECONDS = 15.0  # how long one attempt may keep the others waiting while things fail


class Backoff:
    """Spaces the attempts of one client after failures.

    The n-th wait is drawn from 0 to ``first * 2**n`` seconds. Once that reaches ``ceiling``, the jitter
    comes on top of it, so that one process asks at most once per ``ceiling`` (300 seconds by default),
    however many of its threads would like to.
    """

    def __init__(self, first: float = 1.0, ceiling: float = 300.0) -> None:
        self._first = first
        self._ceiling = ceiling
        self._lock = threading.Lock()
        self._failures = 0
        self._not_before = 0.0

    def like(self) -> Backoff:
        """Return a fresh one of the same spacing."""
        return Backoff(self._first, self._ceiling)

    def renew_lock(self) -> None:
        """Replace the lock after a fork, where another thread may have held it."""
        self._lock = threading.Lock()

    def remaining(self) -> float:
        """Return the seconds until the next attempt is allowed."""
        with self._lock:
            return max(self._not_before - time.monotonic(), 0.0) if self._failures else 0.0

    def try_enter(self, probe_seconds: float) -> bool:
        """Ask for leave to make an attempt; while things fail only one thread at a time gets it."""
        with self._lock:
            now = time.monotonic()
            if self._failures and now < self._not_before:
                return False
            if self._failures:
                self._not_before = now + probe_seconds
            return True

    def fail(self) -> None:
        """Record a failure and choose the next wait."""
        with self._lock:
            reach = self._first * 2.0 ** min(self._failures, 30)
            jitter = random.uniform(0.0, min(reach, self._ceiling))  # noqa: S311  # spreads load, keeps no secret
            self._failures += 1
            self._not_before = time.monotonic() + (
                jitter if reach < self._ceiling else self._ceiling + jitter
            )

    def succeed(self) -> None:
        """Forget earlier failures."""
        with self._lock:
            self._failures = 0
