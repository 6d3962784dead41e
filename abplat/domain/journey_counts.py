"""How many customers walked a journey in the last weeks: counts alone, without arms and without inference."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from abplat.domain.fields import Fields

DAYS: Final = 28
PERIODS: Final = (7, 28, 90)
"""Days that a count may look back."""
EXAMPLES: Final = 20
CALL_DAYS: Final = 7
_UNCOUNTED: Final = frozenset({"key", "version", "title", "owner", "personas", "created_at"})
_LABELS: Final = frozenset({"title", "lifecycle", "moment_of_truth", "department"})


class CountOptions(msgspec.Struct, frozen=True, kw_only=True):
    """Which journeys are counted: of how many days, of whom, and begun where."""

    days: int = DAYS
    segment: str | None = None
    """Key of a segment that lists its members."""
    channel: str | None = None
    """Channel of the first stage."""


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
    n_called: int | None = None
    """Journeys whose customer met an agent within seven days of the move; None where no channel has agents."""
    examples: tuple[Example, ...] = ()
    """Some of the journeys, of the largest moves alone."""


class Example(Frozen, frozen=True, kw_only=True):
    """One journey of a move, without what tells whose it is."""

    customer: str
    """Masked."""
    starts_at: str
    seconds: float
    """Of the move."""
    path: tuple[str, ...]
    """Stages in the order reached, each with its channel: ``quote@web``."""
    status: str
    called: bool | None = None


class Step(Frozen, frozen=True, kw_only=True):
    """What it takes to come to a stage from the one reached before."""

    stage: str
    n: int
    median_seconds: float | None
    n_contacts: float | None = None
    """Per journey, those of the stages among them."""
    cost: float | None = None
    """Of these contacts, per journey; None where no channel has a cost."""


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
    steps: tuple[Step, ...] = ()
    days: int = DAYS
    segment: str | None = None
    channel: str | None = None


def parse_options(document: Any) -> CountOptions:
    """Read which journeys are to be counted.

    Raises:
        InvalidInputError: With every fault found.

    Examples:
        >>> parse_options({"days": 7}).days
        7
    """
    fields = Fields(document)
    days = fields.integer("days", 1, PERIODS[-1], DAYS)
    if days not in PERIODS:
        fields.fault("days", f"is {days}; counts look back {', '.join(map(str, PERIODS))} days", "bad_choice")
    segment = fields.key("segment", None)
    found = CountOptions(days=days, segment=segment, channel=fields.text("channel", None))
    fields.finish("request")
    return found


def take_digest(document: Mapping[str, Any], options: CountOptions | None = None) -> str:
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
    if options is not None and options != CountOptions():
        counted["counted"] = msgspec.to_builtins(options)
    return hashlib.sha256(msgspec.json.encode(counted, order="deterministic")).hexdigest()[:32]


def decode_counts(document: Any) -> JourneyCounts:
    """Read counts back from their JSON value."""
    return msgspec.convert(document, JourneyCounts)
