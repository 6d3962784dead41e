"""The experiments of a project over time: what ran, runs and is planned, and which of them collide."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy.orm import Session

from abplat.clock import parse_duration, parse_instant
from abplat.db.models.experiments import Experiment
from abplat.db.queries import definitions as queries
from abplat.domain.catalogue import EXPERIMENTS, JOURNEYS, TOUCHPOINTS, Document
from abplat.domain.collisions import Collision, Span, find_collisions
from abplat.domain.experiments import ANALYSIS_ONLY
from abplat.domain.layers import BUCKETS, Slot
from abplat.domain.lifecycle import HOLDING, UNSTARTED

MOST: Final = 300
"""Experiments at most, the youngest: pairs are compared one by one."""


class Timeline(NamedTuple):
    """What lies between two instants."""

    spans: list[Span]
    collisions: list[Collision]


def list_timeline(
    session: Session, project: str, *, since: datetime, until: datetime, now: datetime
) -> Timeline:
    """Return the experiments that ran, run or are planned between two instants, and which of them collide."""
    journeys = {row.key: row.document for row in queries.list_all(session, JOURNEYS, project)}
    touchpoints = [
        {**row.document, "key": row.key} for row in queries.list_all(session, TOUCHPOINTS, project)
    ]
    found = []
    for row in queries.list_all(session, EXPERIMENTS, project):
        span = _make_span(row, journeys, touchpoints, now) if isinstance(row, Experiment) else None
        if span is not None and span.begins < until and (span.ends is None or span.ends > since):
            found.append(span)
    spans = sorted(found, key=lambda span: (span.begins, span.key))[-MOST:]
    return Timeline(spans, find_collisions(spans))


def _make_span(
    row: Experiment, journeys: Mapping[str, Document], touchpoints: list[Document], now: datetime
) -> Span | None:
    """Return an experiment over time; nothing where nobody knows when it begins, or it changes nothing."""
    document = row.document if row.plan is None else row.plan["experiment"]
    begins = _find_begin(row)
    if begins is None or document.get("kind") == ANALYSIS_ONLY:
        return None
    slot = document.get("slot")
    return Span(
        key=row.key,
        title=str(row.document.get("title") or row.key),
        state=row.state,
        journey=str(document["journey"]),
        begins=begins,
        ends=_find_end(row, document, begins, now),
        is_planned=row.started_at is None,
        layer=document.get("layer"),
        slot=Slot(*slot) if slot else None,
        included=int((row.traffic or document).get("included") or BUCKETS),
        touchpoints=_find_touchpoints(document, journeys.get(document["journey"], {}), touchpoints),
        owner=str(row.document.get("owner") or ""),
    )


def _find_begin(row: Experiment) -> datetime | None:
    """Return when an experiment began, or is planned to begin."""
    if row.started_at is not None:
        return row.started_at
    planned = (row.document.get("schedule") or {}).get("start_at") if row.state in UNSTARTED else None
    return parse_instant(planned) if planned else None


def _find_end(row: Experiment, document: Document, begins: datetime, now: datetime) -> datetime | None:
    """Return when an experiment ended or is planned to end; one that is late ends today at the soonest."""
    if row.stopped_at is not None:
        return row.stopped_at
    planned = (row.document.get("schedule") or {}).get("end_at")
    length = document.get("decide_after")
    end = parse_instant(planned) if planned else begins + parse_duration(length) if length else None
    if end is not None and row.state in HOLDING:
        return max(end, now)
    return end


def _find_touchpoints(document: Document, journey: Document, touchpoints: list[Document]) -> tuple[str, ...]:
    """Return the touchpoints of the journey in the channels in which the variants differ."""
    channels = {channel for variant in document["variants"] for channel in variant.get("payloads") or {}}
    events = {matcher["event"] for stage in journey.get("stages", ()) for matcher in stage["match"]}
    found: list[Any] = [
        each["key"]
        for each in touchpoints
        if each["channel"] in channels and each["event"] in events and each.get("variant_capable", True)
    ]
    return tuple(sorted(found))
