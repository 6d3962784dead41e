"""Single events as rows, and the condition of a matcher on one of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from abplat.domain.journeys import Exclude, JourneyDefinition, Matcher, PropValue, Stage


@dataclass(frozen=True, slots=True)
class EventRow:
    """One touchpoint as recorded. ``actor`` is a typed id before, a customer name after resolving."""

    id: str
    actor: str
    name: str
    ts_us: int
    received_us: int
    channel: str | None = None
    props: Mapping[str, Any] = field(default_factory=dict)


def snapshot(rows: Iterable[EventRow], as_of_us: int) -> list[EventRow]:
    """Return the events that exist as of an instant, each id once: the copy received first."""
    seen: dict[str, EventRow] = {}
    for row in rows:
        if row.ts_us <= as_of_us and row.received_us <= as_of_us:
            kept = seen.get(row.id)
            if kept is None or row.received_us < kept.received_us:
                seen[row.id] = row
    return list(seen.values())


def matches_any(
    matchers: Iterable[Matcher], name: str, channel: str | None, props: Mapping[str, Any]
) -> bool:
    """Return whether some matcher accepts an event."""
    return any(matches(matcher, name, channel, props) for matcher in matchers)


def matches(matcher: Matcher, name: str, channel: str | None, props: Mapping[str, Any]) -> bool:
    """Return whether a matcher accepts an event: every part it names must hold."""
    if matcher.event != name:
        return False
    if matcher.channels is not None and channel not in matcher.channels:
        return False
    return props_match(matcher, props)


def props_match(matcher: Matcher, props: Mapping[str, Any]) -> bool:
    """Return whether the wanted properties are there with a wanted value."""
    return all(
        any(same_value(props.get(name), wanted) for wanted in values) for name, values in matcher.props
    )


def same_value(have: object, wanted: PropValue) -> bool:
    """Compare as JSON does: text, number and true/false are three kinds, and 1 equals 1.0.

    Examples:
        >>> same_value(1.0, 1), same_value(True, 1), same_value("1", 1), same_value(None, "")
        (True, False, False, False)
    """
    if isinstance(have, bool) or isinstance(wanted, bool):
        return have is wanted
    if isinstance(have, str) or isinstance(wanted, str):
        return isinstance(have, str) and have == wanted
    return isinstance(have, int | float) and have == wanted


def correlation_value(definition: JourneyDefinition, props: Mapping[str, Any]) -> str | None:
    """Return the value of ``correlate_by`` as text; None where it is missing, empty or no single value."""
    value = None if definition.correlate_by is None else props.get(definition.correlate_by)
    if isinstance(value, str):
        return value or None
    if isinstance(value, bool | int | float):
        return orjson.dumps(value).decode()
    return None


def captured_fields(props: Mapping[str, Any]) -> frozenset[str]:
    """Return the names of the fields that the touchpoint asked for."""
    value = props.get("captured")
    listed = value if isinstance(value, list | tuple) else [value]
    return frozenset(item for item in listed if isinstance(item, str) and item)


def in_scope(definition: JourneyDefinition, name: str, channel: str | None, props: Mapping[str, Any]) -> bool:
    """Return whether an event is a touchpoint of the journey: in scope, or in a stage or exclusion."""
    if definition.scope is None or name in definition.scope:
        return True
    parts: tuple[Stage | Exclude, ...] = (*definition.stages, *definition.exclude)
    return any(matches_any(part.match, name, channel, props) for part in parts)
