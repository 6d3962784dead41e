"""The data-quality board: how many facts came from where, how late, how often twice, and what is odd about it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

DAYS: Final = 28
"""Days that the board looks back."""
_MUCH_LATE, _MUCH_DOUBLE, _MUCH_REFUSED, _MUCH_SKEWED = 0.05, 0.01, 0.01, 0.01
_DAYS_KNOWN: Final = 3


class Frozen(msgspec.Struct, frozen=True, kw_only=True):
    """Base of every part of the board."""


class Volume(Frozen, frozen=True, kw_only=True):
    """Facts of one kind and channel that happened on one day."""

    day: str
    kind: str
    channel: str
    """Empty where the facts name none."""
    n: int
    repeated: int
    """Copies of an event that is counted already; they change no result."""
    late: int
    """Received more than a day after they happened."""
    early: int
    """Said to have happened more than five minutes after they were received: a clock that goes wrong."""
    p50_late_s: float
    p99_late_s: float


class Arrival(Frozen, frozen=True, kw_only=True):
    """What the door counted on one day, by the server's clock."""

    day: str
    accepted: int = 0
    duplicates: int = 0
    refused: int = 0
    dropped: int = 0
    """Turned away by SDKs whose buffer was full."""
    skewed: int = 0
    """Batches whose sender's clock was more than five minutes off."""
    batches: int = 0


class Refusal(Frozen, frozen=True, kw_only=True):
    """Refused events of one reason."""

    code: str
    n: int


class Stranger(Frozen, frozen=True, kw_only=True):
    """Events of a name that no touchpoint of the registry has."""

    name: str
    channel: str
    n: int


class Notice(Frozen, frozen=True, kw_only=True):
    """Something odd, in words, with what to do about it."""

    code: str
    title: str
    action: str


class Board(Frozen, frozen=True, kw_only=True):
    """How the data of a project are."""

    made_at: str
    volumes: tuple[Volume, ...]
    arrivals: tuple[Arrival, ...]
    refusals: tuple[Refusal, ...]
    strangers: tuple[Stranger, ...]
    notices: tuple[Notice, ...] = ()


def judge_board(board: Board, today: str) -> Board:
    """Return a board with what is odd about it put into words.

    Args:
        board: The numbers.
        today: The present day, ``2026-03-04``; a channel is silent where nothing of yesterday or today came.

    Examples:
        >>> board = Board(made_at="2026-03-04T10:00:00Z", volumes=(), refusals=(), strangers=(),
        ...               arrivals=(Arrival(day="2026-03-04", accepted=90, refused=10, batches=4),))
        >>> [notice.code for notice in judge_board(board, "2026-03-04").notices]
        ['refused']
    """
    return msgspec.structs.replace(board, notices=tuple(_notices(board, today)))


def _notices(board: Board, today: str) -> Iterator[Notice]:
    """Say what is odd."""
    yield from _notices_of_arrivals(board.arrivals)
    total = sum(volume.n for volume in board.volumes)
    late = sum(volume.late for volume in board.volumes)
    early = sum(volume.early for volume in board.volumes)
    if total and late / total > _MUCH_LATE:
        yield Notice(
            code="late",
            title=f"{late / total:.0%} of the facts arrived more than a day late",
            action="Find the channel below, and wait so long before you read results of its last days.",
        )
    if early:
        yield Notice(
            code="clock",
            title=f"{early:,} facts are said to have happened after they arrived",
            action="Set the clock of the channel below: such events fall out of the order of journeys.",
        )
    if board.strangers:
        yield Notice(
            code="unknown_touchpoints",
            title=f"{len(board.strangers)} names of events are no touchpoint of the registry",
            action="Register them, or mend the sender that misspells them.",
        )
    yield from _silent(board.volumes, today)


def _notices_of_arrivals(arrivals: Sequence[Arrival]) -> Iterator[Notice]:
    """Say what is odd about how events arrive."""
    taken = sum(each.accepted + each.duplicates for each in arrivals)
    refused = sum(each.refused for each in arrivals)
    doubled, dropped = sum(each.duplicates for each in arrivals), sum(each.dropped for each in arrivals)
    batches, skewed = sum(each.batches for each in arrivals), sum(each.skewed for each in arrivals)
    if refused and refused / (taken + refused) > _MUCH_REFUSED:
        yield Notice(
            code="refused",
            title=f"{refused / (taken + refused):.1%} of the events were refused",
            action="Read the reasons below and the events in failed-events; mend the sender, and send them again.",
        )
    if doubled and doubled / taken > _MUCH_DOUBLE:
        yield Notice(
            code="duplicates",
            title=f"{doubled / taken:.1%} of the events came more than once",
            action="They are counted once. A sender that repeats much has a short time-out or a poor line.",
        )
    if dropped:
        yield Notice(
            code="dropped",
            title=f"SDKs report {dropped:,} events that they had to drop",
            action="Their buffers were full: give them a queue on disk, or let them reach the service.",
        )
    if skewed and skewed / batches > _MUCH_SKEWED:
        yield Notice(
            code="skewed",
            title=f"{skewed / batches:.1%} of the batches come from clocks more than five minutes off",
            action="Let the senders keep their time by NTP: the order of events decides journeys.",
        )


def _silent(volumes: Sequence[Volume], today: str) -> Iterator[Notice]:
    """Name the channels that spoke day after day and no longer do."""
    days: dict[str, set[str]] = {}
    for volume in volumes:
        days.setdefault(volume.channel, set()).add(volume.day)
    recent = sorted({day for seen in days.values() for day in seen if day <= today})[-2:]
    for channel, seen in sorted(days.items()):
        if channel and len(seen) >= _DAYS_KNOWN and recent and max(seen) < recent[0]:
            yield Notice(
                code="silent",
                title=f"nothing came from {channel} since {max(seen)}",
                action="Ask whoever runs it whether its SDK still reaches the service.",
            )


def say_day(arrival: Arrival) -> str:
    """Say what was odd about what arrived on one day; nothing where nothing was.

    Examples:
        >>> say_day(Arrival(day="2026-03-04", accepted=90, refused=10)), say_day(Arrival(day="2026-03-05", accepted=90))
        ('10% of the events were refused', '')
    """
    taken = arrival.accepted + arrival.duplicates
    said = []
    if arrival.refused and arrival.refused / (taken + arrival.refused) > _MUCH_REFUSED:
        said.append(f"{arrival.refused / (taken + arrival.refused):.0%} of the events were refused")
    if arrival.dropped:
        said.append(f"SDKs had to drop {arrival.dropped:,} events")
    if arrival.skewed and arrival.skewed / arrival.batches > _MUCH_SKEWED:
        said.append("clocks of senders went wrong")
    return ", ".join(said)
