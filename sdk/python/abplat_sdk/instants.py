"""Instants of targeting rules: ISO 8601 with an offset, or a date, which means its midnight in UTC."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

_DATE = r"([0-9]{4})-([0-9]{2})-([0-9]{2})"
_TIME = r"([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]{1,9}))?)?"
_OFFSET = r"(Z|[+-][0-9]{2}:[0-9]{2})"
_INSTANT = re.compile(rf"{_DATE}(?:T{_TIME}{_OFFSET})?")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def parse_micros(value: object) -> int | None:
    """Read an instant as microseconds since 1970 in UTC, or None when it is none.

    An aware ``datetime`` is taken too; a time without an offset is refused, because it is no instant.

    Examples:
        >>> parse_micros("1970-01-01T01:00:01+01:00")
        1000000
    """
    if isinstance(value, datetime):
        return (value - _EPOCH) // _MICROSECOND if value.tzinfo is not None else None
    found = _INSTANT.fullmatch(value) if isinstance(value, str) else None
    return _micros(found) if found else None


def _micros(found: re.Match[str]) -> int | None:
    """Turn the parts of a matched instant into microseconds; None when the calendar has no such day."""
    year, month, day, hour, minute, second, fraction, offset = found.groups()
    micros = int((fraction or "").ljust(6, "0")[:6])
    try:
        local = datetime(
            int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0), micros, UTC
        )
    except ValueError:
        return None
    shift = _offset_minutes(offset)
    return None if shift is None else (local - _EPOCH) // _MICROSECOND - shift * 60_000_000


def _offset_minutes(offset: str | None) -> int | None:
    """Read ``Z`` or ``+01:00`` as minutes; None beyond a day."""
    if offset is None or offset == "Z":
        return 0
    hours, minutes = int(offset[1:3]), int(offset[4:6])
    if hours > 23 or minutes > 59:
        return None
    return (hours * 60 + minutes) * (-1 if offset[0] == "-" else 1)
