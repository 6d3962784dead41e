"""The only place that reads the time. Everything else is handed a clock or an instant."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from abplat.errors import InvalidInputError

Clock = Callable[[], datetime]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_DURATION = re.compile(r"([1-9][0-9]{0,8})([smhdw])")
_LONGEST_SECONDS = 1_000 * 366 * 86_400
_UNIT_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}


def system_clock() -> datetime:
    """Return the present instant, aware and in UTC."""
    return datetime.now(UTC)


def to_micros(instant: datetime) -> int:
    """Return whole microseconds since 1970-01-01T00:00Z.

    Facts keep time as an integer: no zone to lose, no float to round.

    Examples:
        >>> to_micros(datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC))
        1000000
    """
    return (instant - _EPOCH) // _MICROSECOND


def from_micros(micros: int) -> datetime:
    """Return the aware instant of a count of microseconds.

    Examples:
        >>> from_micros(1_000_000).isoformat()
        '1970-01-01T00:00:01+00:00'
    """
    return _EPOCH + timedelta(microseconds=micros)


def parse_instant(text: str, path: str = "ts") -> datetime:
    """Read an ISO 8601 instant that carries an offset.

    Raises:
        InvalidInputError: ``naive_timestamp`` without an offset, ``bad_timestamp`` otherwise.

    Examples:
        >>> parse_instant("2024-03-04T10:00:00+01:00").isoformat()
        '2024-03-04T09:00:00+00:00'
    """
    try:
        instant = datetime.fromisoformat(text)
    except (ValueError, TypeError) as error:
        message = f"{text!r} is not an instant; write it as 2024-03-04T10:00:00Z"
        raise InvalidInputError.at(path, message, "bad_timestamp") from error
    if instant.tzinfo is None:
        message = f"{text!r} has no offset; add Z or an offset such as +01:00"
        raise InvalidInputError.at(path, message, "naive_timestamp")
    try:
        return instant.astimezone(UTC)
    except OverflowError as error:
        message = f"{text!r} lies outside the years 1 to 9999"
        raise InvalidInputError.at(path, message, "bad_timestamp") from error


def format_instant(instant: datetime) -> str:
    """Write an instant as ISO 8601 in UTC, ending in Z; microseconds only where there are any.

    Examples:
        >>> format_instant(datetime(2024, 3, 4, 10, 0, tzinfo=UTC))
        '2024-03-04T10:00:00Z'
    """
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


def parse_duration(text: str, path: str = "duration") -> timedelta:
    """Read a duration: a positive whole number and one of s, m, h, d, w.

    Durations are elapsed time: a day is 86,400 seconds, whatever the calendar says.

    Raises:
        InvalidInputError: ``bad_duration``.

    Examples:
        >>> parse_duration("36h")
        datetime.timedelta(days=1, seconds=43200)
    """
    found = _DURATION.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        message = f"{text!r} is not a duration; write a positive whole number and s, m, h, d or w, such as 7d"
        raise InvalidInputError.at(path, message, "bad_duration")
    seconds = int(found[1]) * _UNIT_SECONDS[found[2]]
    if seconds > _LONGEST_SECONDS:
        raise InvalidInputError.at(path, f"{text!r} is longer than a thousand years", "bad_duration")
    return timedelta(seconds=seconds)
