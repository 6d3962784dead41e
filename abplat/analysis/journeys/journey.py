"""One journey as an object that can be read. Without arrays, so that the web process may load it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Link:
    """The move between two stages reached one after the other."""

    from_stage: str
    to_stage: str
    from_channel: str | None
    to_channel: str | None
    latency_us: int


@dataclass(frozen=True, slots=True)
class Journey:
    """One journey in words. Times are microseconds since 1970, UTC."""

    customer: str
    n: int
    key: str | None
    status: str
    reason: str | None
    provisional: bool
    start_us: int
    end_us: int
    reached: tuple[tuple[str, int], ...]
    next_stage: str | None
    touchpoints: int
    channels: tuple[str, ...]
    channel_switches: int
    links: tuple[Link, ...]
    repeats: int
    backtracks: int
    recaptures: int
