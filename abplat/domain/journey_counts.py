"""How many customers walked a journey in the last weeks: counts alone, without arms and without inference."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Final

import msgspec

DAYS: Final = 28
_UNCOUNTED: Final = frozenset({"key", "version", "title", "owner", "personas", "created_at"})
_LABELS: Final = frozenset({"title", "lifecycle", "moment_of_truth", "department"})


class Frozen(msgspec.Struct, frozen=True, kw_only=True):
    """Base of the parts."""


class Cell(Frozen, frozen=True, kw_only=True):
    """Journeys that reached a stage in a channel."""

    stage: str
    channel: str
    n: int


class Way(Frozen, frozen=True, kw_only=True):
    """Journeys that went from one stage to the next one they reached."""

    source: str
    target: str
    from_channel: str
    to_channel: str
    n: int
    median_seconds: float


class End(Frozen, frozen=True, kw_only=True):
    """Journeys that ended, or stand still open, before this required stage."""

    stage: str
    status: str
    """abandoned, aborted, superseded or open."""
    n: int


class JourneyCounts(Frozen, frozen=True, kw_only=True):
    """Everything that was counted of journeys that began within the days."""

    starts_at: str
    ends_at: str
    n_journeys: int
    n_customers: int
    n_completed: int
    n_open: int
    median_seconds: float | None
    """From start to completion, of the completed ones."""
    stages: dict[str, int]
    """Journeys that reached each stage."""
    cells: tuple[Cell, ...]
    ways: tuple[Way, ...]
    ends: tuple[End, ...]


def take_digest(document: Mapping[str, Any]) -> str:
    """Return what names all that is counted by; titles and labels may change.

    Examples:
        >>> take_digest({"window": "7d", "title": "A"}) == take_digest({"window": "7d", "title": "B"})
        True
    """
    counted = {name: value for name, value in document.items() if name not in _UNCOUNTED}
    counted["stages"] = [
        {name: value for name, value in stage.items() if name not in _LABELS}
        for stage in document.get("stages") or ()
    ]
    return hashlib.sha256(msgspec.json.encode(counted, order="deterministic")).hexdigest()[:32]


def decode_counts(document: Any) -> JourneyCounts:
    """Read counts back from their JSON value."""
    return msgspec.convert(document, JourneyCounts)
