"""What is sent: records as JSON texts, made once with their id and never changed."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

MAX_RECORD = 256 * 1024
Instant = datetime | str | None


class RecordError(ValueError):
    """A record cannot be made from what was given."""


def make_event_id() -> str:
    """Return a UUIDv7: unique, and in order of time, which keeps the platform's index small.

    Examples:
        >>> make_event_id()[14]
        '7'
    """
    chance = int.from_bytes(os.urandom(10), "big")
    millis = time.time_ns() // 1_000_000
    number = millis << 80 | 7 << 76 | (chance >> 68) << 64 | 2 << 62 | chance & (1 << 62) - 1
    text = f"{number:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def format_ts(ts: Instant) -> str:
    """Write an instant as the platform reads it; the present when there is none.

    Raises:
        RecordError: For a ``datetime`` without a zone, which is no instant, and for other types.
    """
    if ts is None:
        ts = datetime.fromtimestamp(time.time(), UTC)
    if isinstance(ts, str):
        return ts
    if not isinstance(ts, datetime) or ts.tzinfo is None:
        raise RecordError(f"ts {ts!r} is not an instant: give a datetime with a zone, or an ISO 8601 text")
    return ts.astimezone(UTC).isoformat().replace("+00:00", "Z")


def format_seconds(seconds: float) -> str:
    """Write a count of seconds since 1970 as the platform reads an instant."""
    return format_ts(datetime.fromtimestamp(seconds, UTC))


def make_record(fields: Mapping[str, Any]) -> str:
    """Write a record as JSON, without what is None.

    Raises:
        RecordError: If it cannot be written as JSON in UTF-8, or is too large.
    """
    present = {name: value for name, value in fields.items() if value is not None}
    try:
        text = json.dumps(present, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        size = len(text.encode())
    except (ValueError, TypeError, RecursionError) as error:
        raise RecordError(f"cannot be written as JSON: {error}") from error
    if size > MAX_RECORD:
        raise RecordError(f"has {size} bytes; at most {MAX_RECORD} are taken")
    return text


def make_alias(anonymous: str, known: str, ts: str) -> str:
    """Write the record of a join, which a public key may report but not be answered."""
    said = {"kind": "alias", "a": anonymous, "b": known, "source": "identify"}
    return make_record({"id": make_event_id(), "ts": ts, **said})


def join_events(texts: list[str], dropped: int = 0) -> bytes:
    """Write the body of one batch; what was dropped since the last one is told along with it."""
    lost = f'"dropped":{dropped},' if dropped else ""
    return f'{{"sent_at":"{format_ts(None)}",{lost}"events":[{",".join(texts)}]}}'.encode()
