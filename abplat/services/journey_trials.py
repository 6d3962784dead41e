"""Try a definition of a journey on example events, by the rules that analyses follow. Nothing is kept."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

import msgspec

from abplat.clock import from_micros, parse_instant, to_micros
from abplat.domain.identity import is_typed_id
from abplat.domain.journeys import JourneyDefinition, parse_journey
from abplat.errors import InvalidInputError, Problem

MAX_EVENTS: Final = 500
_LINE: Final = re.compile(r"(\S+)\s+(\S+)\s+(\S+)(?:\s+([^\s{]\S*))?(?:\s+(\{.*\}))?")
_SHAPE: Final = 'write: TIME ACTOR EVENT CHANNEL {"name": "value"}; channel and properties may be left out'


class Example(NamedTuple):
    """One example event."""

    actor: str
    name: str
    at: datetime
    channel: str | None
    props: Mapping[str, Any]


class Walk(NamedTuple):
    """One journey that came of the examples.

    Attributes:
        customer: Whose.
        status: completed, open, abandoned, aborted or superseded.
        reason: Why it ended, where there is a reason.
        started_at: When it began.
        ended_at: When it ended, or the instant up to which was looked.
        reached: Each stage that was reached, with the instant.
        next_stage: The first required stage that is missing.
        touchpoints: How many contacts it had.
        channels: Channels in their order, without repeats.
    """

    customer: str
    status: str
    reason: str | None
    started_at: datetime
    ended_at: datetime
    reached: tuple[tuple[str, datetime], ...]
    next_stage: str | None
    touchpoints: int
    channels: tuple[str, ...]


class Trial(NamedTuple):
    """What came of the examples.

    Attributes:
        n_events: How many events there were.
        as_of: Up to when was looked.
        walks: The journeys, by customer and start.
        unmatched: Names of events that no stage and no exclusion knows.
    """

    n_events: int
    as_of: datetime
    walks: tuple[Walk, ...]
    unmatched: tuple[str, ...]


def try_journey(document: Mapping[str, Any], events: str, as_of: str | None = None) -> Trial:
    r"""Walk example events by a definition.

    Args:
        document: The definition.
        events: One event per line, or JSON: a list of events, or an object that holds one under ``events``.
        as_of: Up to when to look; the time of the last event where it is left out.

    Raises:
        InvalidInputError: With every fault; those of the examples under ``events``.

    Examples:
        >>> stages = [{"key": key, "match": [{"event": key}]} for key in ("visit", "buy")]
        >>> found = try_journey({"key": "shop", "stages": stages, "window": "7d"},
        ...                     "2026-03-01T10:00Z cust:7 visit web\n2026-03-02T10:00Z cust:7 buy store")
        >>> found.walks[0].status, found.walks[0].channels
        ('completed', ('web', 'store'))
    """
    definition = parse_journey(dict(document), require_owner=False)
    examples = read_examples(events)
    until = parse_instant(as_of, "as_of") if as_of else max(each.at for each in examples)
    return Trial(
        len(examples),
        until,
        tuple(_walk(definition, examples, until)),
        tuple(_unmatched(definition, examples)),
    )


def read_examples(text: str) -> list[Example]:
    """Read example events.

    Raises:
        InvalidInputError: With every line that cannot be read.
    """
    text = text.strip()
    if not text:
        raise InvalidInputError.at("events", "holds no event; " + _SHAPE, "required")
    found = _read_json(text) if text[0] in "[{" else _read_lines(text)
    if not 1 <= len(found) <= MAX_EVENTS:
        raise InvalidInputError.at("events", f"holds {len(found)} events; 1 to {MAX_EVENTS} can be tried")
    return found


def _read_lines(text: str) -> list[Example]:
    """Read one event per line."""
    problems, found = [], []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        match = _LINE.fullmatch(line.strip())
        try:
            if match is None:
                raise InvalidInputError.at("", f"cannot be read; {_SHAPE}")
            ts, actor, name, channel, props = match.groups()
            held = _decode(props) if props else {}
            found.append(
                _read_event({"ts": ts, "actor": actor, "name": name, "channel": channel, "props": held})
            )
        except InvalidInputError as error:
            problems.append(Problem("events", f"line {number}: {error.problems[0].message}", "bad_event"))
    if problems:
        raise InvalidInputError(problems[0].message, problems=problems)
    return found


def _read_json(text: str) -> list[Example]:
    """Read a document of events as the API takes them."""
    try:
        document = _decode(text)
    except InvalidInputError as error:
        raise InvalidInputError.at("events", error.problems[0].message, "bad_json") from error
    listed = document.get("events", [document]) if isinstance(document, dict) else document
    problems, found = [], []
    for number, each in enumerate(listed if isinstance(listed, list) else [listed]):
        try:
            found.append(_read_event(each))
        except InvalidInputError as error:
            problems.append(Problem("events", f"event {number}: {error.problems[0].message}", "bad_event"))
    if problems:
        raise InvalidInputError(problems[0].message, problems=problems)
    return found


def _decode(text: str) -> Any:
    """Read JSON.

    Raises:
        InvalidInputError: If it is none.
    """
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        raise InvalidInputError.at("", f"is not JSON: {error}", "bad_json") from error


def _read_event(event: Any) -> Example:
    """Read one event.

    Raises:
        InvalidInputError: If it is none.
    """
    if not isinstance(event, dict):
        raise InvalidInputError.at("", "is not an object with ts, actor and name")
    actor, name, channel, props = (event.get(field) for field in ("actor", "name", "channel", "props"))
    if not is_typed_id(actor):
        raise InvalidInputError.at("", f"{actor!r} is not a typed id such as cust:7 or anon:w1", "bad_actor")
    if not isinstance(name, str) or not name:
        raise InvalidInputError.at("", "has no name of an event")
    if not isinstance(channel, str | None) or not isinstance(props, dict | None):
        raise InvalidInputError.at("", "channel is a text, props an object")
    return Example(str(actor), name, parse_instant(event.get("ts") or "", ""), channel, props or {})


def _walk(definition: JourneyDefinition, examples: list[Example], until: datetime) -> Iterator[Walk]:
    """Run the readable matcher over the examples."""
    from abplat.analysis.journeys.events import EventRow  # noqa: PLC0415  # plain Python; no arrays
    from abplat.analysis.journeys.twin import match_journeys  # noqa: PLC0415  # plain Python; no arrays

    rows = []
    for number, each in enumerate(examples):
        us = to_micros(each.at)
        rows.append(EventRow(f"{number:06}", each.actor, each.name, us, us, each.channel, each.props))
    for found in match_journeys(definition, rows, to_micros(until)):
        yield Walk(
            customer=found.customer,
            status=found.status,
            reason=found.reason,
            started_at=from_micros(found.start_us),
            ended_at=from_micros(found.end_us),
            reached=tuple((key, from_micros(us)) for key, us in found.reached),
            next_stage=found.next_stage,
            touchpoints=found.touchpoints,
            channels=found.channels,
        )


def _unmatched(definition: JourneyDefinition, examples: list[Example]) -> Iterator[str]:
    """Yield the names that nothing of the definition looks at."""
    parts = [*definition.stages, *definition.exclude]
    known = {matcher.event for part in parts for matcher in part.match}  # type: ignore[attr-defined]
    yield from dict.fromkeys(each.name for each in examples if each.name not in known)
