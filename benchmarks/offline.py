"""What an SDK costs its host and its server while the server is down.

The host: the slowest of many calls, with nobody listening and with a server that never answers. The server:
how many requests one client makes in simulated hours, its own loops running on a clock that is moved by hand.
"""

# ruff: noqa: SLF001 -- the client's own loops run here, on another clock

from __future__ import annotations

import contextlib
import gc
import logging
import random
import socket
import threading
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any
from unittest import mock

import abplat_sdk.backoff
import abplat_sdk.configuration
import abplat_sdk.sender
from abplat_sdk import Client
from abplat_sdk.transport import Transport, TransportError

CALLS = 20_000
CLIENTS = 20
HOURS = 3
MINUTE = 60.0


class VirtualTime:
    """A clock that stands still until every loop waits, and then jumps to the one that waits least."""

    def __init__(self, n_loops: int, end: float) -> None:
        self.now = 0.0
        self._n_loops = n_loops
        self._end = end
        self._changed = threading.Condition()
        self._until: dict[int, float] = {}

    @property
    def is_over(self) -> bool:
        """Whether the time is over."""
        return self.now >= self._end

    def wait(self, seconds: float) -> None:
        """Let virtual time pass."""
        with self._changed:
            me = threading.get_ident()
            self._until[me] = self.now + seconds
            self._move()
            self._changed.wait_for(lambda: self._until[me] <= self.now)
            del self._until[me]
            if self.is_over:  # this loop ends and is waited for no more
                self._n_loops -= 1
                self._move()

    def _move(self) -> None:
        """Jump where every loop waits."""
        if self._until and len(self._until) == self._n_loops:
            self.now = min(self._until.values())
            self._changed.notify_all()


class VirtualEvent:
    """An event that nobody sets: time passes until it is over."""

    def __init__(self, clock: VirtualTime) -> None:
        self._clock = clock

    def wait(self, seconds: float) -> bool:
        """Wait in virtual time."""
        self._clock.wait(seconds)
        return self._clock.is_over

    def is_set(self) -> bool:
        """Say whether it is over."""
        return self._clock.is_over

    def clear(self) -> None:
        """Do nothing."""

    def set(self) -> None:
        """Do nothing."""


def simulate(seed: int, hours: float = HOURS) -> list[float]:
    """Return when a client with a full queue asked a server that is down, in seconds since its start."""
    random.seed(seed)
    clock = VirtualTime(2, hours * 60 * MINUTE)
    asked: list[float] = []

    def fail(*_: Any, **__: Any) -> None:
        asked.append(clock.now)
        raise TransportError("nobody is there")

    client = Client("http://127.0.0.1:9", "none")
    client._is_running = True  # no threads but ours
    client._stop = client._wake = VirtualEvent(clock)  # type: ignore[assignment]
    for number in range(1_000):
        client.track("visit", f"cust:{number}")
    virtual = SimpleNamespace(**{**vars(time), "monotonic": lambda: clock.now})
    modules = (abplat_sdk.backoff, abplat_sdk.sender, abplat_sdk.configuration)
    with contextlib.ExitStack() as held:
        for module in modules:
            held.enter_context(mock.patch.object(module, "time", virtual))
        held.enter_context(mock.patch.object(Transport, "request", fail))
        loops = [threading.Thread(target=loop) for loop in (client._send_loop, client._poll_loop)]
        for loop in loops:
            loop.start()
        for loop in loops:
            loop.join()
        client._is_closed = True
    return asked


def count_densest(asked: list[float], since: float = 10 * MINUTE, window: float = 5 * MINUTE) -> int:
    """Return the most requests of any five minutes after the first ten."""
    late = [at for at in asked if at >= since]
    return max((sum(at <= other < at + window for other in late) for at in late), default=0)


@contextlib.contextmanager
def listen_in_vain() -> Iterator[str]:
    """Be a server that takes connections and never answers."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def time_calls(url: str | None) -> list[float]:
    """Return the milliseconds of a client's decisions and events while its server is down, slowest first.

    Without an address nothing is called: what is left is how long this machine keeps a program waiting.
    """
    client = None if url is None else Client(url, "none", timeout=1.0)
    taken = []
    gc.disable()
    for number in range(CALLS):
        start = time.perf_counter()
        if client is None:
            sum(range(600))
        else:
            client.decide("form", f"cust:{number}", default="control")
            client.track("visit", f"cust:{number}")
        taken.append((time.perf_counter() - start) * 1_000)
    gc.enable()
    if client is not None:
        client.close(0)
    return sorted(taken, reverse=True)


def main() -> None:
    """Print what host and server see."""
    logging.disable()
    with listen_in_vain() as silent:
        cases = {"nobody listens": "http://127.0.0.1:9", "it never answers": silent, "no client at all": None}
        for name, url in cases.items():
            taken = time_calls(url)
            print(
                f"{name:16}: decide and track took {taken[CALLS // 2]:.3f} ms usually,"
                f" {taken[CALLS // 1_000]:.2f} ms at most in 999 of 1,000 calls, {taken[0]:.2f} ms in the slowest"
            )
    found = [simulate(seed) for seed in range(CLIENTS)]
    first = max(sum(at < 10 * MINUTE for at in asked) for asked in found)
    densest = max(map(count_densest, found))
    print(f"{CLIENTS} clients, {HOURS} h down: at most {first} requests in the first 10 minutes,")
    print(f"afterwards at most {densest} in any 5 minutes")


if __name__ == "__main__":
    main()
