"""Which variant has been seen by whom on this device, and which variants are bound to whom."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping

from abplat_sdk.buffer import Buffer
from abplat_sdk.document import Experiment
from abplat_sdk.records import format_seconds

_Seen = tuple[float, int, str]  # when it was seen, order in which it was, variant


class Sightings:
    """Keeps a person's variants when an anonymous visitor turns out to be a known customer.

    What was seen on this device comes first, the earlier before the later; then what the platform
    remembers. ``pins`` is read without a lock: its inner mappings are replaced, never changed. With a
    queue file all of it outlives the process. Only a reset of an experiment ends what is remembered of
    it: everybody is drawn anew, here too.
    """

    def __init__(self, buffer: Buffer, capacity: int = 100_000) -> None:
        self.pins: dict[str, Mapping[str, str]] = dict(buffer.load_pins())
        self._buffer = buffer
        self._capacity = capacity
        self._lock = threading.Lock()
        self._seen: dict[str, dict[str, _Seen]] = {}
        self._order = 0
        self._draws = dict(buffer.load_draws())
        self._since: dict[str, int] = {}
        self.phases: Mapping[str, int] = {}
        """The phase of each experiment, as the configuration in use says."""
        for unit, experiment, variant, at in buffer.load_seen(capacity):
            self._seen.setdefault(unit, {})[experiment] = (at, self._next(), variant)

    def renew_lock(self) -> None:
        """Replace the lock after a fork, where another thread may have held it."""
        self._lock = threading.Lock()

    def follow(self, experiments: Iterable[Experiment]) -> None:
        """Take note of a new configuration before it is used; a later salt ends the draw before it."""
        found = list(experiments)
        with self._lock:
            self.phases = {each.key: each.phase for each in found if each.phase is not None}
            held = self._draws
            later = {
                each.key: draw
                for each in found
                if (draw := (each.salt, each.phase or 0)) != held.get(each.key)
                and draw[1] >= held.get(each.key, draw)[1]
            }
            over = [key for key, (salt, _) in later.items() if key in held and held[key][0] != salt]
            for key in over:
                self._since[key] = later[key][1]
                self._forget(key)
            if later:
                held.update(later)
                self._buffer.save_draws(later, over)

    def _forget(self, experiment: str) -> None:
        """Let go of what anybody has seen or is bound to in an experiment."""
        for seen in self._seen.values():
            seen.pop(experiment, None)
        for unit, bound in list(self.pins.items()):
            if experiment in bound:
                self.pins[unit] = {key: variant for key, variant in bound.items() if key != experiment}

    def saw(self, unit: str, experiment: str, variant: str, phase: int | None = None) -> None:
        """Remember the first variant that a unit was shown, and when; not one of an earlier draw."""
        with self._lock:
            if phase is not None and phase < self._since.get(experiment, 0):
                return
            seen = self._seen.get(unit)
            if seen is None:
                if len(self._seen) >= self._capacity:
                    del self._seen[next(iter(self._seen))]
                seen = self._seen[unit] = {}
            if experiment not in seen:
                seen[experiment] = (time.time(), self._next(), variant)
                self._buffer.save_seen(unit, {experiment: (variant, seen[experiment][0])})

    def link(self, anonymous: str, known: str) -> tuple[dict[str, str], dict[str, str]]:
        """Let a known unit inherit what the anonymous one saw; return what that was, and when."""
        with self._lock:
            theirs, own = self._seen.get(anonymous, {}), self._seen.get(known, {})
            merged = {
                key: min((found[key] for found in (theirs, own) if key in found), key=_order_of)
                for key in {**theirs, **own}
            }
            if merged:
                self._seen[known] = merged
                kept = {key: (variant, at) for key, (at, _, variant) in merged.items()}
                self._buffer.save_seen(known, kept)
            self._bind(known, {})
            variants = {experiment: variant for experiment, (_, _, variant) in theirs.items()}
            return variants, {experiment: format_seconds(at) for experiment, (at, _, _) in theirs.items()}

    def inherit(self, known: str, pins: Mapping[str, str]) -> None:
        """Take over the platform's pins, but for what was seen here."""
        with self._lock:
            self._bind(known, pins)

    def _next(self) -> int:
        """Return the next number in the order of seeing."""
        self._order += 1
        return self._order

    def _bind(self, known: str, pins: Mapping[str, str]) -> None:
        """Set the pins of a unit: seen here, then the platform's, then those it had."""
        seen = {experiment: variant for experiment, (_, _, variant) in self._seen.get(known, {}).items()}
        bound = {**self.pins.get(known, {}), **pins, **seen}
        if not bound or bound == self.pins.get(known):
            return
        if known not in self.pins and len(self.pins) >= self._capacity:
            del self.pins[next(iter(self.pins))]
        self.pins[known] = bound
        self._buffer.save_pins(known, bound)


def _order_of(seen: _Seen) -> int:
    """Return the place of a sighting: a clock may be set back, the order stays."""
    return seen[1]
