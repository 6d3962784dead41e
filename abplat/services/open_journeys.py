"""The journeys that a customer has under way, from the read model of recent moments.

The rules are those of analyses: the readable twin of the matcher walks the last touchpoints of all ids of
the customer.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session, sessionmaker

from abplat.clock import from_micros, to_micros
from abplat.db.queries import definitions as queries
from abplat.domain.catalogue import JOURNEYS, Document
from abplat.domain.journeys import JourneyDefinition, parse_journey
from abplat.facts.moments import Moments


class Definitions:
    """The journeys of each project, parsed; looked at again when they are older than ``max_age_s``."""

    def __init__(self, sessions: sessionmaker[Session], max_age_s: float = 1.0) -> None:
        """Start empty."""
        self._sessions = sessions
        self._max_age_s = max_age_s
        self._lock = threading.Lock()
        self._held: dict[str, tuple[float, list[JourneyDefinition]]] = {}

    def of(self, project: str) -> list[JourneyDefinition]:
        """Return the journeys of a project."""
        held = self._held.get(project)
        if held is not None and time.monotonic() - held[0] < self._max_age_s:
            return held[1]
        with self._lock, self._sessions() as session:
            found = list_definitions(session, project)
            self._held[project] = (time.monotonic(), found)
            return found

    def forget(self, project: str) -> None:
        """Look again at the next call: a definition of the project has changed."""
        with self._lock:
            self._held.pop(project, None)


def list_definitions(session: Session, project: str) -> list[JourneyDefinition]:
    """Return the journeys of a project, parsed."""
    return [
        parse_journey({"key": row.key, **row.document}, require_owner=False)
        for row in queries.list_all(session, JOURNEYS, project)
    ]


def find_open(
    definitions: Iterable[JourneyDefinition], unit: str, moments: Mapping[str, Moments], now: datetime
) -> list[Document]:
    """Describe the journeys under way, each with the stage reached last.

    Args:
        definitions: The journeys that there are.
        unit: Who the customer is.
        moments: What is kept of each id of the customer.
        now: The present instant.
    """
    if not moments:
        return []
    from abplat.analysis.journeys.events import EventRow  # noqa: PLC0415  # plain Python; no arrays

    rows = [
        EventRow(each.event_id, unit, each.name, each.ts_us, each.ts_us, each.channel, each.props)
        for held in moments.values()
        for each in held.last
    ]
    cut_us = max((each.cut_us for each in moments.values() if each.cut_us is not None), default=None)
    now_us = to_micros(now)
    return [found for each in definitions for found in _walk(each, rows, cut_us, now_us)]


def _walk(
    definition: JourneyDefinition, rows: Sequence[Any], cut_us: int | None, now_us: int
) -> list[Document]:
    """Describe the open journeys of one definition."""
    from abplat.analysis.journeys.twin import match_journeys  # noqa: PLC0415  # plain Python; no arrays

    titles = {stage.key: stage.title or stage.key for stage in definition.stages}
    return [
        {
            "journey": definition.key,
            "title": definition.title or definition.key,
            "key": journey.key,
            "started_at": from_micros(journey.start_us),
            "stage": journey.reached[-1][0],
            "stage_title": titles[journey.reached[-1][0]],
            "stage_at": from_micros(journey.reached[-1][1]),
            "lifecycle": _lifecycle_of(definition, [key for key, _ in journey.reached]),
            "next_stage": journey.next_stage,
            "touchpoints": journey.touchpoints,
            "channels": list(journey.channels),
            # Older touchpoints that are no longer at hand could belong to it.
            "is_partial": cut_us is not None and cut_us >= now_us - definition.window_us,
        }
        for journey in match_journeys(definition, rows, now_us)
        if journey.status == "open"
    ]


def _lifecycle_of(definition: JourneyDefinition, reached: Sequence[str]) -> str | None:
    """Return the lifecycle label of the stage reached last among those that have one."""
    labels = {stage.key: stage.lifecycle for stage in definition.stages}
    return next((label for key in reversed(reached) if (label := labels[key])), None)
