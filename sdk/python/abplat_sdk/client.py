"""The client: decide at once, record at once, and let two threads talk to the platform.

Nothing here raises into its host and nothing but ``refresh``, ``flush``, ``context``, ``make_identity_token``,
``close`` and an ``identify`` that is told to wait ever waits for the network.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from abplat_sdk import __version__, processes
from abplat_sdk.backoff import PROBE_SECONDS, Backoff
from abplat_sdk.buffer import open_buffer
from abplat_sdk.configuration import ConfigurationSource
from abplat_sdk.customers import CustomerCalls
from abplat_sdk.evaluator import Decision, Evaluator, normalise_unit, unready_decision
from abplat_sdk.health import Health, Stats
from abplat_sdk.records import Instant, format_ts, make_event_id, make_record
from abplat_sdk.sender import MAX_BATCH, Sender
from abplat_sdk.sightings import Sightings
from abplat_sdk.transport import Transport
from abplat_sdk.waiting import Waiting

_log = logging.getLogger("abplat_sdk")
__all__ = ["Client", "Stats"]


class Client(CustomerCalls, Waiting):
    """Decides, records and identifies for one project.

    Safe for threads and for forks: threads start at the first use in each process.

    Args:
        base_url: Address of the platform.
        api_key: A client or server key of the project.
        bootstrap: Configuration document, or the path of one, to start with when nothing better is there.
        cache_path: File that keeps the last good configuration.
        queue_path: SQLite file in which records wait; without it they wait in memory.
        poll_seconds: Mean time between two looks for a newer configuration; 0 never looks by itself.
        flush_seconds: Longest time that a record waits before it is sent, while all is well.
        buffer_size: Records that may wait: 10,000 in memory and 1,000,000 on disk by default.
        timeout: Seconds that one request may take.
        backoff: First and longest wait after failures, in seconds.

    Raises:
        ValueError: If the address is not one of http or https. Nothing else is ever raised.
    """

    def __init__(  # noqa: PLR0913  # settings of a client, all named
        self,
        base_url: str,
        api_key: str,
        *,
        bootstrap: Mapping[str, Any] | str | Path | None = None,
        cache_path: str | Path | None = None,
        queue_path: str | Path | None = None,
        poll_seconds: float = 30.0,
        flush_seconds: float = 1.0,
        buffer_size: int | None = None,
        timeout: float = 10.0,
        backoff: tuple[float, float] = (1.0, 300.0),
    ) -> None:
        self._is_closed = False
        self._poll_seconds = poll_seconds
        self._flush_seconds = flush_seconds
        self._health = Health()
        self._reach = Backoff(*backoff)
        self._buffer = open_buffer(queue_path, buffer_size)
        self._sightings = Sightings(self._buffer)
        sending = Transport(base_url, api_key, timeout)
        self._is_public = sending.is_public
        self._sender = Sender(sending, self._buffer, self._reach, self._health, self._sightings)
        cache = None if cache_path is None else Path(cache_path)
        polling = Transport(base_url, api_key, timeout)
        owner = f"{base_url}\n{api_key}"
        self._source = ConfigurationSource(polling, self._reach, self._health, (cache, owner), self._follow)
        self._source.load(bootstrap)
        self._renew()
        processes.watch(self)

    def _renew(self) -> None:
        """Make what belongs to one process: locks, signals and the mark that no thread runs."""
        self._is_running = False
        self._lock = threading.Lock()
        self._fetching = threading.Lock()
        self._stop = threading.Event()
        self._wake = threading.Event()

    def before_fork(self) -> None:
        """Put down what must not cross a fork. Called by the interpreter, not by hosts."""
        self._guard(self._buffer.before_fork)

    def after_fork_in_parent(self) -> None:
        """Go on after a fork. Called by the interpreter, not by hosts."""
        self._guard(self._buffer.after_fork_in_parent)

    def after_fork_in_child(self) -> None:
        """Begin a life of its own in a child process. Called by the interpreter, not by hosts."""
        self._guard(self._after_fork)

    def _after_fork(self) -> None:
        """Become usable in a child process; what waited in memory is the parent's to send."""
        self._renew()
        self._health.after_fork()
        self._reach.renew_lock()
        self._sightings.renew_lock()
        self._sender.after_fork()
        self._source.after_fork()
        self._buffer.after_fork()

    def decide(
        self,
        key: str,
        unit: str | int,
        attributes: Mapping[str, Any] | None = None,
        *,
        channel: str | None = None,
        default: str | None = None,
    ) -> Decision:
        """Decide one experiment for one unit, in this process and at once.

        Args:
            key: Key of the experiment.
            unit: Identifier of the unit, such as ``cust:7``.
            attributes: What targeting may look at.
            channel: Channel of the call; chooses the payload.
            default: Variant when there is no configuration or no such experiment.
        """
        if not self._is_running:
            self._start()
        evaluator = self._source.held.evaluator
        if evaluator is None:
            decision = unready_decision(key, normalise_unit(unit) or "", "not_ready")
        else:
            decision = evaluator.decide(key, unit, attributes, None, channel, self._pins(unit))
        return (
            decision
            if default is None or decision.variant is not None
            else decision._replace(variant=default)
        )

    def decide_all(
        self, unit: str | int, attributes: Mapping[str, Any] | None = None, *, channel: str | None = None
    ) -> dict[str, Decision]:
        """Decide every experiment for one unit; empty without a configuration."""
        if not self._is_running:
            self._start()
        evaluator = self._source.held.evaluator
        if evaluator is None:
            return {}
        return evaluator.decide_all(unit, attributes, self._pins(unit), channel)

    def _follow(self, evaluator: Evaluator) -> None:
        """Take note of a new configuration; a broken disk does not keep it from being used."""
        self._guard(lambda: self._sightings.follow(evaluator.configuration.experiments))

    def _pins(self, unit: object) -> Mapping[str, str] | None:
        """Return the variants that a unit is bound to."""
        held = self._sightings.pins
        return held.get(normalise_unit(unit) or "") if held else None

    @property
    def evaluator(self) -> Evaluator | None:
        """The compiled configuration in use, without pins; None where there is none yet."""
        return self._source.held.evaluator

    def expose(
        self,
        decision: Decision,
        *,
        channel: str | None = None,
        ts: Instant = None,
        customer: str | int | None = None,
    ) -> str | None:
        """Record that the unit met its variant; call it when the variant is really shown.

        Args:
            decision: What was decided.
            channel: Channel in which it was shown.
            ts: When; now by default.
            customer: Who met it, where the unit decided is a group such as ``store:42``. Reports then
                add the customers up to their group.

        Returns:
            The id of the exposure. None when there is nothing to record because the unit is not in the
            experiment, or when the record could not be kept.
        """
        if not isinstance(decision, Decision) or not decision.in_experiment or decision.variant is None:
            return None
        seen = (decision.unit, decision.key, decision.variant, decision.phase)
        self._guard(lambda: self._sightings.saw(*seen))
        met = decision.unit if customer is None else normalise_unit(customer)
        if met is None:
            self._note_invalid("a customer is named by 1 to 256 characters")
            return None
        fields = {
            "kind": "exposure",
            "actor": met,
            "experiment": decision.key,
            "variant": decision.variant,
            "channel": channel,
            "reason": decision.reason,
            "config_version": decision.config_version,
            "phase": decision.phase,
            "sdk": f"python/{__version__}",
            "cluster": None if customer is None else decision.unit,
        }
        return self._record_event(fields, ts)

    def track(
        self,
        event: str,
        unit: str | int,
        value: float | None = None,
        properties: Mapping[str, Any] | None = None,
        channel: str | None = None,
        ts: Instant = None,
    ) -> str | None:
        """Record that something happened to a unit.

        Args:
            event: Name of the event, such as ``purchase``.
            unit: Identifier of the unit.
            value: A number, such as an amount.
            properties: Further facts; written as JSON at once, so later changes do not matter.
            channel: Channel in which it happened.
            ts: When it happened: a ``datetime`` with a zone or an ISO 8601 text; now by default.

        Returns:
            The id of the event; None when no record could be made or kept, which ``stats()`` counts.
        """
        actor = normalise_unit(unit)
        if actor is None or not isinstance(event, str) or not event:
            self._note_invalid("an event needs a name and a unit of 1 to 256 characters")
            return None
        fields = {"kind": "touchpoint", "actor": actor, "name": event, "channel": channel, "value": value}
        return self._record_event({**fields, "props": properties}, ts)

    def refresh(self, timeout: float | None = None) -> bool:
        """Fetch the configuration now and wait for it; say whether the platform answered.

        Also lets a client that stopped for its key try again.
        """
        with self._fetching:
            answered = self._source.fetch(timeout)
        if answered:
            self._sender.is_stopped = False
        if not self._is_running:
            self._start()
        return answered

    def flush(self, timeout: float = 10.0) -> int:
        """Send what waits, for at most so many seconds; return how many records still wait."""
        if not self._is_closed:
            self._guard(lambda: self._sender.flush(timeout))
        return self._buffer.count()

    def close(self, timeout: float = 2.0) -> int:
        """Send what waits, stop, and return how many records are unsent.

        Unsent records of a queue file are kept there for the next start; those in memory are lost.
        """
        if self._is_closed:
            return self._buffer.count()
        deadline = time.monotonic() + timeout
        unsent = self.flush(timeout)
        self._is_closed = True
        self._stop.set()
        self._wake.set()
        self._guard(lambda: self._sender.close(max(deadline - time.monotonic(), 0.0)))
        if self._fetching.acquire(timeout=max(deadline - time.monotonic(), 0.0)):
            self._source.transport.close()
            self._fetching.release()
        self._guard(self._buffer.close)
        if unsent:
            _log.warning("abplat: closed with %d records unsent", unsent)
        return unsent

    def stats(self) -> Stats:
        """Return the counts and states so far."""
        counts, held = self._health.counts, self._source.held
        return Stats(
            waiting=self._buffer.count(),
            sent=counts["sent"],
            accepted=counts["accepted"],
            duplicates=counts["duplicates"],
            refused=counts["refused"],
            dropped=counts["dropped"] + self._buffer.dropped,
            invalid=counts["invalid"],
            refusals=tuple(self._health.refusals),
            config_version=held.evaluator.version if held.evaluator else "",
            config_source=held.source,
            config_age=max(time.time() - held.fetched_at, 0.0) if held.fetched_at else None,
            states=dict(self._health.states),
        )

    def _record_event(self, fields: dict[str, Any], ts: Instant) -> str | None:
        """Make an event with its id and keep it."""
        event_id = make_event_id()
        try:
            text = make_record({"id": event_id, "ts": format_ts(ts), **fields})
            return event_id if self._keep("event", text) else None
        except Exception as error:  # noqa: BLE001  # the SDK edge: neither odd objects nor a broken disk stop the host
            self._note_invalid(str(error))
            return None

    def _keep(self, kind: str, text: str) -> bool:
        """Put a record into the buffer, and call the sender when a batch is full."""
        if self._is_closed:
            self._health.add("dropped")
            return False
        if not self._is_running:
            self._start()
        kept = self._buffer.put(kind, text)
        if self._buffer.count() >= MAX_BATCH and not self._wake.is_set():
            self._wake.set()
        return kept

    def _note_invalid(self, message: str) -> None:
        """Count a call that makes no record; the first is logged."""
        self._health.add("invalid")
        if self._health.counts["invalid"] == 1:
            _log.warning("abplat: not recorded: %s", message)

    def _start(self) -> None:
        """Start the threads of this process."""
        with self._lock:
            if self._is_running or self._is_closed:
                return
            self._is_running = True
        loops: list[tuple[str, Callable[[], None]]] = [("abplat-send", self._send_loop)]
        if self._poll_seconds > 0:
            loops.append(("abplat-poll", self._poll_loop))
        try:
            for name, loop in loops:
                threading.Thread(target=loop, name=name, daemon=True).start()
        except RuntimeError as error:  # the host is out of threads, or is ending
            _log.warning("abplat: cannot work in the background: %s", error)

    def _send_loop(self) -> None:
        """Send what waits, again and again."""
        stop, wake = self._stop, self._wake
        while not stop.is_set():
            wake.wait(self._flush_seconds)
            wake.clear()
            if not stop.is_set():
                self._guard(self._sender.drain)

    def _poll_loop(self) -> None:
        """Look for newer configurations, spread at random so that a fleet does not ask in step."""
        stop, source = self._stop, self._source
        pause = random.uniform(0.0, self._poll_seconds)  # noqa: S311  # spreads load, keeps no secret
        pause = 0.0 if source.held.source != "network" else pause
        while not stop.wait(max(pause, source.wait())):
            pause = self._poll_seconds * random.uniform(0.5, 1.5)  # noqa: S311  # spreads load, keeps no secret
            if not source.is_stopped and self._reach.try_enter(PROBE_SECONDS):
                self._guard(self._poll)
                pause = 0.0 if source.wait() else pause

    def _poll(self) -> None:
        """Fetch once, unless somebody else is at it."""
        with self._fetching:
            self._source.fetch()

    def _guard(self, work: Callable[[], None]) -> None:
        """Do something that must not raise into the host, nor end a thread."""
        try:
            work()
        except Exception:  # noqa: BLE001  # the SDK edge
            if not self._is_closed:
                _log.exception("abplat: an unexpected error")
