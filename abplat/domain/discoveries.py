"""What was found in the events of a project that nobody has defined yet."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

Document = Mapping[str, Any]
UNNAMED_OWNER = "to be named"
_NO_KEY = re.compile(r"[^A-Za-z0-9._-]+")


class UnknownTouchpoint(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of event that the registry does not know."""

    event: str
    channel: str | None
    n_events: int
    n_ids: int
    first_at: str
    last_at: str
    journeys: tuple[str, ...]
    """Journeys whose matchers read this event all the same."""


class EndPoint(msgspec.Struct, frozen=True, kw_only=True):
    """An event that customers begin or end with."""

    event: str
    n: int
    """Episodes that begin, or end, with it."""
    n_with: int
    """Episodes that contain it."""


class FrequentPath(msgspec.Struct, frozen=True, kw_only=True):
    """A sequence of events without consecutive repeats."""

    events: tuple[str, ...]
    n: int


class Proposal(msgspec.Struct, frozen=True, kw_only=True):
    """A typical journey, as a definition ready to edit."""

    definition: dict[str, Any]
    n_started: int
    n_completed: int
    median_seconds: float | None
    why: str


class Discovery(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that one look at the events of a project found."""

    project: str
    as_of: str
    since: str | None
    n_customers: int
    n_events: int
    n_episodes: int
    is_sample: bool
    """Whether only some of the customers were read, because there are too many."""
    entries: tuple[EndPoint, ...] = ()
    ends: tuple[EndPoint, ...] = ()
    paths: tuple[FrequentPath, ...] = ()
    proposals: tuple[Proposal, ...] = ()
    unknown_touchpoints: tuple[UnknownTouchpoint, ...] = ()


def make_key(text: str, taken: Iterable[str] = ()) -> str:
    """Return a key that stands for any text, another one than those taken.

    Examples:
        >>> make_key("Ask for a quote!"), make_key("visit", ["visit"])
        ('Ask-for-a-quote', 'visit-2')
    """
    held = set(taken)
    base = _NO_KEY.sub("-", text).strip("-.")[:58] or "event"
    found, number = base, 2
    while found in held:
        found, number = f"{base}-{number}", number + 1
    return found


def is_known(event: str, channel: str | None, touchpoints: Sequence[Document]) -> bool:
    """Tell whether a kind of event is in the registry."""
    return any(each["event"] == event and each["channel"] == channel for each in touchpoints)


def find_readers(event: str, channel: str | None, journeys: Mapping[str, Document]) -> tuple[str, ...]:
    """Return the journeys whose stages or exclusions read a kind of event."""
    return tuple(
        key
        for key, document in sorted(journeys.items())
        if any(_reads(matcher, event, channel) for matcher in _matchers(document))
    )


def _matchers(document: Document) -> list[Document]:
    """Return all matchers of a journey."""
    parts = [*document.get("stages", ()), *(document.get("exclude") or ())]
    return [matcher for part in parts for matcher in part.get("match", ())]


def _reads(matcher: Document, event: str, channel: str | None) -> bool:
    """Tell whether a matcher reads a kind of event, whatever its properties."""
    wanted = matcher.get("channel")
    channels = [wanted] if isinstance(wanted, str) else wanted
    return bool(matcher["event"] == event and (channels is None or channel in channels))
