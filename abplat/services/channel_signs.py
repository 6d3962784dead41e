"""Which channels were heard of: what a team looks at while it waits for its first event."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, NamedTuple

from sqlalchemy.orm import Session

from abplat.db.queries import definitions, sightings
from abplat.domain.catalogue import CHANNELS, Document

WAITING: Final = "waiting"
CONNECTED: Final = "connected"
SILENT: Final = "silent"
_FRESH: Final = timedelta(hours=24)
MOST_UNKNOWN: Final = 50
"""Channels that only events know: their names come from whoever may send events."""


class ChannelSign(NamedTuple):
    """One channel and when it was last heard of.

    Attributes:
        channel: Key of the channel, as events name it.
        title: Name for people.
        state: ``waiting`` for the first event, ``connected``, or ``silent`` for more than a day.
        last_seen: When its last event was received, to within the seconds that the worker lags behind.
        is_registered: Whether the project has a channel of this key.
    """

    channel: str
    title: str
    state: str
    last_seen: datetime | None
    is_registered: bool

    def describe(self) -> Document:
        """Return it for an answer."""
        return self._asdict()


def list_signs(session: Session, project: str, *, now: datetime) -> list[ChannelSign]:
    """Return the channels of a project, and the youngest of those that only events know."""
    seen = sightings.last_by_channel(session, project)
    rows = [row for row in definitions.list_all(session, CHANNELS, project) if row.archived_at is None]
    titles = {row.key: str(row.document.get("title") or row.key) for row in rows}
    unknown = sorted(seen.keys() - titles.keys(), key=lambda key: (seen[key], key), reverse=True)
    return [
        ChannelSign(key, titles.get(key, key), _state_of(seen.get(key), now), seen.get(key), key in titles)
        for key in sorted({*titles, *unknown[:MOST_UNKNOWN]})
    ]


def _state_of(seen: datetime | None, now: datetime) -> str:
    """Say whether a channel was heard of, and lately."""
    if seen is None:
        return WAITING
    return CONNECTED if now - seen <= _FRESH else SILENT
