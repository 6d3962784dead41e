"""Which variant has been seen by whom on this device, and which variants are bound to whom."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Mapping

from abplat_sdk.buffer import Buffer

_Seen = tuple[int, str]  # order in which it was seen, variant


class Sightings:
    """Keeps a person's variants when an anonymous visitor turns out to be a known customer.

    What was seen on this device comes first, the earlier before the later; then what the platform
    remembers. ``pins`` is read without a lock: its inner mappings are replaced, never changed.
    """

    def __init__(self, buffer: Buffer, capacity: int = 100_000) -> None:
        self.pins: dict[str, Mapping[str, str]] = dict(buffer.load_pins())
        self._buffer = buffer
        self._capacity = capacity
        self._order = itertools.count()
        self._lock = threading.Lock()
        self._seen: dict[str, dict[str, _Seen]] = {}

    def renew_lock(self) -> None:
        """Replace the lock after a fork, where another thread may have held it."""
        self._lock = threading.Lock()

    def saw(self, unit: str, experiment: str, variant: str) -> None:
        """Remember the first variant that a unit was shown."""
        with self._lock:
            seen = self._seen.get(unit)
            if seen is None:
                if len(self._seen) >= self._capacity:
                    del self._seen[next(iter(self._seen))]
                seen = self._seen[unit] = {}
            if experiment not in seen:
                seen[experiment] = (next(self._order), variant)

    def link(self, anonymous: str, known: str) -> dict[str, str]:
        """Let a known unit inherit what the anonymous one saw; return what that was."""
        with self._lock:
            theirs, own = self._seen.get(anonymous, {}), self._seen.get(known, {})
            merged = {
                key: min(found[key] for found in (theirs, own) if key in found) for key in {**theirs, **own}
            }
            if merged:
                self._seen[known] = merged
            self._bind(known, {})
            return {experiment: variant for experiment, (_, variant) in theirs.items()}

    def inherit(self, known: str, pins: Mapping[str, str]) -> None:
        """Take over the platform's pins, but for what was seen here."""
        with self._lock:
            self._bind(known, pins)

    def _bind(self, known: str, pins: Mapping[str, str]) -> None:
        """Set the pins of a unit: seen here, then the platform's, then those it had."""
        seen = {experiment: variant for experiment, (_, variant) in self._seen.get(known, {}).items()}
        bound = {**self.pins.get(known, {}), **pins, **seen}
        if not bound or bound == self.pins.get(known):
            return
        if known not in self.pins and len(self.pins) >= self._capacity:
            del self.pins[next(iter(self.pins))]
        self.pins[known] = bound
        self._buffer.save_pins(known, bound)
