"""How long somebody must wait who has failed to sign in, again and again."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, NamedTuple


class Patience(NamedTuple):
    """How patient we are with one account, or with one address of the network."""

    free: int
    """Failures without a delay."""
    forgotten_after: timedelta
    """Silence after which failures count no more."""


ACCOUNT: Final = Patience(5, timedelta(hours=24))
ADDRESS: Final = Patience(20, timedelta(hours=1))
"""A whole office may share an address."""
FIRST: Final = timedelta(seconds=15)
LONGEST: Final = timedelta(minutes=15)


def find_delay(count: int, patience: Patience) -> timedelta:
    """Return how long to wait after so many failures: doubling, up to a quarter of an hour.

    Examples:
        >>> [find_delay(count, ACCOUNT).total_seconds() for count in (4, 5, 6, 40)]
        [0.0, 15.0, 30.0, 900.0]
    """
    if count < patience.free:
        return timedelta(0)
    doubled: timedelta = FIRST * 2 ** min(count - patience.free, 10)
    return min(LONGEST, doubled)


def find_wait(count: int, last_at: datetime, now: datetime, patience: Patience) -> timedelta:
    """Return how long to wait still; a clock that was set back makes nobody wait longer than the delay."""
    delay = find_delay(count, patience)
    return max(timedelta(0), min(delay, last_at + delay - now))


def count_failure(count: int, last_at: datetime, now: datetime, patience: Patience) -> int:
    """Return the number of failures with one more; those of long ago are forgotten."""
    if now - last_at > patience.forgotten_after:
        return 1
    return count + 1
