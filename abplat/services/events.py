"""What can be done with events: take a batch, look at what was refused."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection
from sqlalchemy.orm import Session

from abplat.clock import parse_instant, to_micros
from abplat.db.queries import failed_events as queries
from abplat.domain.suppression import Suppression
from abplat.errors import InvalidInputError, Problem
from abplat.facts.arrivals import (
    ACCEPTED,
    BATCHES,
    DROPPED,
    DUPLICATES,
    MAX_SKEW_US,
    REFUSED,
    SKEWED,
    Arrivals,
)
from abplat.facts.intake import Intake, Receipt
from abplat.facts.rows import Failure
from abplat.facts.schema import DEFAULT_LIMITS, Limits, judge
from abplat.facts.sightings import keep_sightings, select_sightings

_FIELDS = {"sent_at", "dropped", "events"}
_MOST_DROPPED = 1_000_000_000


class Recorded(NamedTuple):
    """What became of a batch: all of it is on disk, the refused ones as failed events."""

    receipt: Receipt
    refused: list[Failure]


def record(  # noqa: PLR0913  # options by name
    intake: Intake,
    project: str,
    document: object,
    *,
    now: datetime,
    is_public: bool = True,
    limits: Limits = DEFAULT_LIMITS,
    suppression: Suppression | None = None,
    arrivals: Arrivals | None = None,
) -> Recorded:
    """Take a batch of events; return when it is durable.

    Every event is judged alone: the good ones are kept whatever the others are like. Exposures also reach
    the ledger of assignments; with a public key those of anonymous ids alone. Events of the suppressed are
    refused.

    Raises:
        InvalidInputError: If the batch itself is not of its shape; then nothing is kept.
        UnavailableError: If nothing can be written now.
        StorageFullError: If the disk is full.
    """
    events = _open_batch(document, limits)
    rows, refused = judge(events, to_micros(now), limits, suppression)
    seen = select_sightings(rows, is_public=is_public)

    written = arrivals.take_due() if arrivals is not None else None

    def work(connection: Connection) -> None:
        if seen:
            keep_sightings(connection, project, seen)
        if written is not None:
            written(connection)

    receipt = intake.submit(project, rows, refused, work=work if seen or written else None)
    if arrivals is not None:
        arrivals.note(project, to_micros(now), _count(document, receipt, len(refused), to_micros(now)))
    return Recorded(receipt, refused)


def _count(document: Any, receipt: Receipt, refused: int, now_us: int) -> dict[str, int]:
    """Return what the data-quality board counts of a batch."""
    sent_us = to_micros(parse_instant(document["sent_at"], "sent_at")) if document.get("sent_at") else now_us
    return {
        ACCEPTED: receipt.accepted,
        DUPLICATES: receipt.duplicates,
        REFUSED: refused,
        DROPPED: document.get("dropped") or 0,
        SKEWED: int(abs(now_us - sent_us) > MAX_SKEW_US),
        BATCHES: 1,
    }


def list_failed(session: Session, project: str, *, limit: int, before: int | None) -> Sequence[Any]:
    """Return refused events of a project, youngest first, older than a number."""
    return queries.list_(session, project, limit, before)


def _open_batch(document: object, limits: Limits) -> list[object]:
    """Check the envelope and return what is in it."""
    if not isinstance(document, dict):
        raise InvalidInputError.at("", 'send an object such as {"events": [..]}', "bad_type")
    unknown = [
        Problem(_plain(name), "is not a field; the fields are sent_at, dropped and events", "unknown_field")
        for name in document
        if name not in _FIELDS
    ]
    if unknown:
        raise InvalidInputError(f"{unknown[0].path}: {unknown[0].message}", problems=unknown[:10])
    if document.get("sent_at") is not None:
        _require_instant(document["sent_at"])
    dropped = document.get("dropped", 0)
    if not isinstance(dropped, int) or isinstance(dropped, bool) or not 0 <= dropped <= _MOST_DROPPED:
        message = "needs the whole number of events that were dropped since the last batch"
        raise InvalidInputError.at("dropped", message, "bad_type")
    events = document.get("events")
    if not isinstance(events, list):
        raise InvalidInputError.at("events", f"needs a list of 1 to {limits.events} events", "bad_type")
    if not 1 <= len(events) <= limits.events:
        message = f"holds {len(events)} events; send 1 to {limits.events} at a time"
        raise InvalidInputError.at("events", message, "bad_length")
    return events


def _require_instant(value: object) -> None:
    """Refuse a time of sending that is none."""
    if not isinstance(value, str):
        raise InvalidInputError.at("sent_at", "needs an instant such as 2024-03-04T10:00:00Z", "bad_type")
    parse_instant(_plain(value), "sent_at")


def _plain(text: str) -> str:
    """Cut a text for a message and make it one that can be sent and stored."""
    return ascii(text[:64])[1:-1]
