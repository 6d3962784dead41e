"""An event loop is never kept waiting."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest
from abplat_sdk import Client


@pytest.fixture
def silent() -> Iterator[str]:
    """A server that takes connections and never answers."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


async def measure_lag(work: Any) -> list[float]:
    """Return how much later than planned a ticking task ran while some work was done, latest first."""
    lags: list[float] = []

    async def tick() -> None:
        while True:
            start = time.perf_counter()
            await asyncio.sleep(0.001)
            lags.append(time.perf_counter() - start - 0.001)

    ticking = asyncio.create_task(tick())
    await work()
    ticking.cancel()
    return sorted(lags, reverse=True)


def test_decide_and_track_never_block_the_loop(silent: str) -> None:
    """Whatever the network does: nobody waits for a time-out of twenty seconds."""
    client = Client(silent, "k", timeout=20.0, poll_seconds=0.01, flush_seconds=0.01)

    async def work() -> None:
        for number in range(300):
            client.decide("e", f"cust:{number}", default="control")
            client.decide_all(f"cust:{number}")
            client.track("visit", f"cust:{number}")
            client.identify("anon:w1", f"cust:{number}")
            await asyncio.sleep(0.001)

    lags = asyncio.run(measure_lag(work))
    client.close(0)

    assert lags[0] < 10


def test_waiting_calls_wait_elsewhere(silent: str) -> None:
    """The loop goes on while refresh, context, flush and close wait for the network."""
    client = Client(silent, "k", timeout=2.0, poll_seconds=0)

    async def work() -> list[object]:
        client.track("visit", "cust:1")
        answers = await asyncio.gather(client.arefresh(1.5), client.acontext("cust:1", timeout=1.5))
        return [*answers, await client.aidentify("anon:w1", "cust:1", wait=1.5), await client.aflush(1.5)]

    async def measured() -> list[float]:
        found.extend(await work())
        found.append(await client.aclose(1.5))
        return []

    found: list[object] = []
    lags = asyncio.run(measure_lag(measured))

    assert found == [False, None, False, 2, 2]
    assert lags[0] < 1.4


def test_a_good_platform_is_awaited(platform: Any) -> None:
    """What comes back is what the plain calls give."""

    async def work() -> tuple[object, ...]:
        client = Client(platform.url, "k", poll_seconds=0, flush_seconds=5)
        assert await client.arefresh()
        platform.pins = {"e": "treatment"}
        assert await client.aidentify("anon:w1", "cust:1")
        client.track("visit", "cust:1")
        context = await client.acontext("cust:1")
        return client.decide("e", "cust:1").reason, context == client.context("cust:1"), await client.aclose()

    assert asyncio.run(work()) == ("pinned", True, 0)
