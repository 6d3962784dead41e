"""What can be done with metrics."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, cast

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session

from abplat.clock import parse_instant
from abplat.db.models.experiments import Experiment
from abplat.db.models.metrics import Metric
from abplat.db.models.metrics import MetricHistory as StoredHistory
from abplat.db.queries import definitions as queries
from abplat.domain.catalogue import EXPERIMENTS, JOURNEYS, METRICS, TEMPLATES, Document
from abplat.domain.metric_history import MetricHistory, parse_history_request
from abplat.domain.metric_kinds import KINDS_BY_KEY
from abplat.domain.plans import PlanRequest, parse_plan_request
from abplat.errors import NotFoundError
from abplat.services import jobs, planning, quality
from abplat.services.definitions import Verbs

_verbs = Verbs(METRICS)

create = _verbs.create
get = _verbs.get
list_ = _verbs.list_
update = _verbs.update
archive = _verbs.archive
list_versions = _verbs.list_versions


def list_kinds() -> list[Document]:
    """Return the catalogue of kinds: what each counts, over whom, and how it is compared."""
    return [msgspec.to_builtins(kind) for kind in KINDS_BY_KEY.values()]


def list_uses(session: Session, project: str, key: str) -> list[Document]:
    """Return everything that uses a metric: experiments, templates, composites.

    Raises:
        NotFoundError: If the project has none of this key.
    """
    queries.get(session, METRICS, project, key)
    found: list[Document] = []
    for row in queries.list_all(session, EXPERIMENTS, project):
        state = row.state if isinstance(row, Experiment) else None
        found += [
            {"noun": EXPERIMENTS, "key": row.key, "role": use["role"], "state": state}
            for use in row.document["metrics"]
            if use["metric"] == key
        ]
    for row in queries.list_all(session, TEMPLATES, project):
        uses = (row.document.get("experiment") or {}).get("metrics") or ()
        found += [
            {"noun": TEMPLATES, "key": row.key, "role": use.get("role"), "state": None}
            for use in uses
            if use.get("metric") == key
        ]
    for row in queries.list_all(session, METRICS, project):
        if any(part["metric"] == key for part in row.document.get("parts") or ()):
            found.append({"noun": METRICS, "key": row.key, "role": None, "state": None})
    return found


def request_history(session: Session, project: str, key: str, document: Any, *, now: datetime) -> int:
    """Queue the reading of a metric's past and return the number of its job.

    Raises:
        NotFoundError: If the project has none of this key.
        InvalidInputError: If the request is faulty, or says too little to find the journey.
    """
    queries.get(session, METRICS, project, key)
    asked = msgspec.to_builtins(parse_history_request(document))
    find_history_subject(session, project, key, asked)
    payload = {"project": project, "metric": key, **asked}
    return jobs.enqueue(session, "metric_history", payload, key=f"{project}/{key}", now=now)


def find_history_subject(
    session: Session, project: str, key: str, asked: Mapping[str, Any]
) -> tuple[PlanRequest, Document]:
    """Return what the definitions say of a metric whose past is read.

    A metric that counts on no journey is read on the one named, else on the project's first.

    Raises:
        InvalidInputError: If there is no journey at all.
    """
    document: Document = {"metric": key, "horizon": asked.get("horizon"), "effect": 0.05}
    own = queries.get(session, METRICS, project, key).document["journey"]
    if own is None:
        journeys = queries.list_all(session, JOURNEYS, project)
        document["journey"] = asked.get("journey") or (journeys[0].key if journeys else None)
    request = parse_plan_request({name: value for name, value in document.items() if value is not None})
    found = planning.find_subject(session, project, request)
    return request, found or {}


def mark_history(session: Session, project: str, history: MetricHistory) -> MetricHistory:
    """Return a history with the version it was read of, and with the days whose data were not as they should be."""
    row = cast("Metric", queries.get(session, METRICS, project, history.metric))
    days = [day.day for day in history.days]
    marks = tuple(quality.list_marks(session, project, days[0], days[-1])) if days else ()
    return msgspec.structs.replace(history, marks=marks, definition_version=row.definition_version)


def store_history(session: Session, project: str, history: MetricHistory, *, now: datetime) -> None:
    """Keep what the past says of a metric in place of what it said before."""
    session.merge(
        StoredHistory(
            project=project,
            metric=history.metric,
            as_of=parse_instant(history.as_of),
            created_at=now,
            document=msgspec.to_builtins(history),
        )
    )
    session.flush()


def list_drifted(session: Session, project: str) -> set[str]:
    """Return the metrics whose data have left their history when it was read last."""
    rows = session.execute(
        select(StoredHistory.metric, StoredHistory.document).where(StoredHistory.project == project)
    )
    return {key for key, document in rows if document.get("drift")}


def get_history(session: Session, project: str, key: str) -> Document:
    """Return what the past says of a metric, as the worker found it last.

    Raises:
        NotFoundError: If there is no such metric, or nothing was read yet.
    """
    queries.get(session, METRICS, project, key)
    row = session.get(StoredHistory, (project, key))
    if row is None:
        message = (
            f"the past of metric {key!r} has not been read yet; POST /v1/metrics/{key}/history asks for it"
        )
        raise NotFoundError(message)
    document: Document = row.document
    return document
