"""What the SDK says about itself: counts, and one log line per change of state."""

from __future__ import annotations

import logging
import threading
from collections import Counter, deque
from collections.abc import Mapping
from typing import NamedTuple

_log = logging.getLogger("abplat_sdk")
_GOOD = frozenset({"starting", "ok"})


class Refusal(NamedTuple):
    """One record that the platform refused for good."""

    code: str
    message: str


class Stats(NamedTuple):
    """What a client did so far, and how it is.

    Attributes:
        waiting: Records not yet acknowledged.
        sent: Events answered by the platform: accepted, duplicates and refused ones.
        accepted: Events stored for the first time.
        duplicates: Events the platform had already.
        refused: Records refused for good.
        dropped: Records turned away because the buffer was full or the client closed.
        invalid: Calls from which no record could be made.
        refusals: The last refusals, for looking into.
        config_version: Version of the configuration in use; empty without one.
        config_source: ``network``, ``cache``, ``bootstrap`` or ``none``.
        config_age: Seconds since the platform confirmed the configuration; None when it never did.
        states: State per topic, ``configuration`` and ``events``.
    """

    waiting: int
    sent: int
    accepted: int
    duplicates: int
    refused: int
    dropped: int
    invalid: int
    refusals: tuple[Refusal, ...]
    config_version: str
    config_source: str
    config_age: float | None
    states: Mapping[str, str]


class Health:
    """Counts and states, shared by the threads of one client."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.refusals: deque[Refusal] = deque(maxlen=20)
        self.states = {"configuration": "starting", "events": "starting"}
        self._lock = threading.Lock()

    def after_fork(self) -> None:
        """Count anew in a child process."""
        self._lock = threading.Lock()
        self.counts.clear()
        self.refusals.clear()

    def add(self, name: str, count: int = 1) -> None:
        """Add to a count."""
        with self._lock:
            self.counts[name] += count

    def refuse(self, refusal: Refusal) -> None:
        """Count and keep a refusal; the first is logged, the rest stand in ``stats()``."""
        self.add("refused")
        self.refusals.append(refusal)
        if self.counts["refused"] == 1:
            _log.warning("abplat: an event was refused: %s: %s", refusal.code, refusal.message)

    def enter(self, topic: str, state: str, detail: str = "") -> None:
        """Change the state of a topic, and log it if it is another one than before."""
        with self._lock:
            before, self.states[topic] = self.states[topic], state
        if state == before or (state in _GOOD and before in _GOOD):
            return
        level = logging.INFO if state in _GOOD else logging.WARNING
        _log.log(level, "abplat: %s: %s (was %s)%s", topic, state, before, f": {detail}" if detail else "")
