"""Counts of a journey over the last weeks: asked for by a page, made by the worker, read by a page."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

import msgspec
from sqlalchemy.orm import Session

from abplat.db.models.journey_counts import JourneyCount
from abplat.db.queries import definitions
from abplat.db.queries import journey_counts as queries
from abplat.domain.catalogue import CHANNELS, SEGMENTS
from abplat.domain.channel_kinds import AGENT, tell_kind
from abplat.domain.journey_counts import CountOptions, JourneyCounts, decode_counts, take_digest
from abplat.domain.journeys import parse_journey
from abplat.errors import InvalidInputError, NotFoundError
from abplat.services import jobs

KEEP_FOR: Final = timedelta(days=90)
_GIVEN_UP: Final = "the worker could not count; its log says why. Ask again"


class Counted(NamedTuple):
    """A count as it stands.

    Attributes:
        state: queued, done or failed.
        counts: What was counted, of an older request while a new one waits.
        fault: Why there is none.
        asked_at: When it was asked for.
        finished_at: When it was made.
    """

    state: str
    counts: JourneyCounts | None
    fault: str | None
    asked_at: datetime
    finished_at: datetime | None


class Asked(NamedTuple):
    """What is to be counted.

    Attributes:
        definition: Of the journey.
        options: Period, segment and channel.
        members: Of the segment; None without one.
        costs: What a contact costs, by channel.
        agents: Channels in which a person answers.
    """

    definition: dict[str, Any]
    options: CountOptions
    members: list[str] | None
    costs: dict[str, float]
    agents: list[str]


def ask(
    session: Session,
    project: str,
    document: Mapping[str, Any],
    *,
    now: datetime,
    options: CountOptions | None = None,
) -> str:
    """Queue the count of a definition, unless it is on its way; return its digest.

    Raises:
        InvalidInputError: If the definition means nothing, or the segment lists no members.
    """
    parse_journey(dict(document), require_owner=False)
    options = options or CountOptions()
    _find_members(session, project, options)
    digest = take_digest(document, options)
    found = queries.find(session, project, digest)
    if found is not None and found[0].state == "queued" and found[1] not in ("failed", None):
        return digest
    queries.remove_older(session, now - KEEP_FOR)
    payload = {"project": project, "digest": digest, "options": msgspec.to_builtins(options)}
    job = jobs.enqueue(session, "count", payload, key=f"{project}/{digest}", now=now)
    row = found[0] if found else JourneyCount(project=project, digest=digest)
    row.state, row.job, row.fault, row.asked_at = "queued", job, None, now
    row.definition = msgspec.json.decode(msgspec.json.encode(dict(document)))
    session.add(row)
    session.flush()
    return digest


def _find_members(session: Session, project: str, options: CountOptions) -> list[str] | None:
    """Return the members of the segment that is asked about.

    Raises:
        InvalidInputError: If there is none of this key, or it is a rule.
    """
    if options.segment is None:
        return None
    segment = definitions.find(session, SEGMENTS, project, options.segment)
    members = segment.document.get("members") if segment is not None else None
    if members is None:
        message = f"{options.segment!r} is no segment that lists its members; a rule is not counted by"
        raise InvalidInputError.at("segment", message, "unknown_segment")
    return list(members)


def find(
    session: Session, project: str, document: Mapping[str, Any], options: CountOptions | None = None
) -> Counted | None:
    """Return the latest count of a definition, or None where nobody asked for one."""
    found = queries.find(session, project, take_digest(document, options))
    if found is None:
        return None
    row, job = found
    counts = None if row.answer is None else decode_counts(row.answer)
    if row.state == "queued" and job == "failed":
        return Counted("failed", counts, _GIVEN_UP, row.asked_at, row.finished_at)
    return Counted(row.state, counts, row.fault, row.asked_at, row.finished_at)


def get_asked(session: Session, project: str, digest: str, options: Mapping[str, Any]) -> Asked:
    """Return what is to be counted.

    Raises:
        NotFoundError: If nobody asked for it.
        InvalidInputError: If the segment is gone since.
    """
    definition = dict(_get(session, project, digest).definition)
    wanted = msgspec.convert(dict(options), CountOptions)
    channels = definitions.list_all(session, CHANNELS, project)
    costs = {row.key: row.document["cost"] for row in channels if row.document.get("cost")}
    agents = [row.key for row in channels if tell_kind(row.key) == AGENT]
    return Asked(definition, wanted, _find_members(session, project, wanted), costs, agents)


def finish(session: Session, project: str, digest: str, counts: JourneyCounts, *, now: datetime) -> None:
    """Keep what was counted."""
    row = _get(session, project, digest)
    row.state, row.finished_at, row.fault = "done", now, None
    row.answer = msgspec.json.decode(msgspec.json.encode(counts))
    session.flush()


def _get(session: Session, project: str, digest: str) -> JourneyCount:
    """Return a count."""
    found = queries.find(session, project, digest)
    if found is None:
        raise NotFoundError(f"nobody asked for the count {digest[:64]!r}")
    return found[0]
