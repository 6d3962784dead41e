"""Note and ask when something was last heard of. Nothing here commits."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, func, select, text
from sqlalchemy.orm import Session

from abplat.clock import from_micros
from abplat.db.models.sightings import Sighting

MAX_SIGHTINGS: Final = 5_000
"""Of one project: names come from whoever may send events, and must not fill the disk."""
MAX_LENGTH: Final = 256

_REPLACE = (
    "UPDATE sightings SET last_seen = :seen "
    "WHERE project = :project AND kind = :kind AND name = :name AND channel = :channel AND last_seen < :seen"
)
_NOTE = (
    "INSERT INTO sightings (project, kind, name, channel, last_seen) "
    "VALUES (:project, :kind, :name, :channel, :seen) "
    "ON CONFLICT (project, kind, name, channel) DO UPDATE SET last_seen = excluded.last_seen "
    "WHERE sightings.last_seen < excluded.last_seen"
)


def note(connection: Connection, project: str, kind: str, seen: Mapping[tuple[str, str], int]) -> None:
    """Note when events of a kind were last received, in microseconds, by name and channel."""
    rows = [
        {"project": project, "kind": kind, "name": name, "channel": channel, "seen": us}
        for (name, channel), us in sorted(seen.items())
        if len(name) <= MAX_LENGTH and len(channel) <= MAX_LENGTH
    ]
    if not rows:
        return
    held = connection.execute(select(func.count()).select_from(Sighting).where(Sighting.project == project))
    has_room = held.scalar_one() + len(rows) <= MAX_SIGHTINGS
    connection.execute(text(_NOTE if has_room else _REPLACE), rows)


def last_by_channel(session: Session, project: str) -> dict[str, datetime]:
    """Return when each channel was last heard of."""
    wanted = (
        select(Sighting.channel, func.max(Sighting.last_seen))
        .where(Sighting.project == project, Sighting.channel != "")
        .group_by(Sighting.channel)
    )
    return {channel: _instant(seen) for channel, seen in session.execute(wanted)}


def touchpoint_names(session: Session, project: str) -> set[str]:
    """Return the names of touchpoints that were ever received."""
    wanted = select(Sighting.name).where(Sighting.project == project, Sighting.kind == "touchpoint")
    return set(session.scalars(wanted.distinct()))


def _instant(value: datetime | int) -> datetime:
    """Return an instant, whether the database or the type of the column has made it."""
    return from_micros(value) if isinstance(value, int) else value
