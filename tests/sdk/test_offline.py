"""What the SDK promises while the server is down, by the very programme that prints the figures."""

from __future__ import annotations

import pytest

from benchmarks.offline import CALLS, MINUTE, count_densest, listen_in_vain, simulate, time_calls


@pytest.mark.parametrize("seed", range(5))
def test_a_dead_server_is_asked_rarely(seed: int) -> None:
    """After ten minutes at most one request in any five; and it is never given up."""
    asked = simulate(seed)

    assert count_densest(asked) == 1
    assert sum(at < 10 * MINUTE for at in asked) <= 15
    assert asked[-1] > 160 * MINUTE


def test_calls_return_at_once() -> None:
    """Within five milliseconds, also where the server takes connections and says nothing.

    A busy machine stops any program for longer now and then, so one call in ten may; whoever waited for
    the network would wait for all of its second. benchmarks/offline.py prints the figures.
    """
    with listen_in_vain() as silent:
        for url in (silent, "http://127.0.0.1:9"):
            taken = time_calls(url)
            assert taken[CALLS // 10] < 5
            assert taken[0] < 900
