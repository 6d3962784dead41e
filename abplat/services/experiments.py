"""What can be done with experiments."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any, NamedTuple, cast

import msgspec
from sqlalchemy.orm import Session

from abplat.clock import format_instant
from abplat.db.models.experiments import Experiment
from abplat.db.models.journeys import Journey
from abplat.db.queries import definitions as queries
from abplat.db.queries import experiments as experiment_queries
from abplat.db.queries import layers as layer_queries
from abplat.domain.catalogue import EXPERIMENTS, JOURNEYS, METRICS, Document
from abplat.domain.layers import Slot, require_room
from abplat.domain.lifecycle import DRAFT, RUNNING, STOPPED, require_transition
from abplat.errors import ConflictError, InvalidInputError
from abplat.services import audit, jobs
from abplat.services.definitions import Verbs, describe, require_revision, require_whole
from abplat.services.traffic import plan_traffic

PLAN_VERSION = 1

_verbs = Verbs(EXPERIMENTS)

create = _verbs.create
get = _verbs.get
list_ = _verbs.list_
update = _verbs.update
archive = _verbs.archive


class Moment(NamedTuple):
    """When a call was made, and the past instant it names for what it does, if any."""

    now: datetime
    named: datetime | None = None

    @property
    def effective(self) -> datetime:
        """The instant from which the change holds.

        An experiment that ran elsewhere is defined after the fact: its start lies in the past.

        Raises:
            InvalidInputError: If the instant lies in the future.
        """
        if self.named is not None and self.named > self.now:
            message = f"{format_instant(self.named)} lies in the future; leave it out to mean the present"
            raise InvalidInputError.at("at", message, "in_future")
        return self.named or self.now


def start(
    session: Session, project: str, key: str, moment: Moment, *, revision: int | None = None
) -> Document:
    """Start an experiment: customers are assigned, and its plan is frozen.

    Raises:
        InvalidInputError: If the moment named lies in the future.
        IllegalTransitionError: If it is not a draft.
        LayerFullError: If its slot overlaps one of a running experiment.
    """
    row = cast("Experiment", queries.get(session, EXPERIMENTS, project, key))
    require_revision(row, revision)
    require_transition(row.state, RUNNING)
    if row.archived_at is not None:
        raise ConflictError(f"experiment {key} is archived and cannot start; create another instead")
    require_whole(session, project, EXPERIMENTS, key)
    _require_room(session, row)
    row.plan = build_plan(session, row)
    row.plan_hash = hash_plan(row.plan)
    row.started_at = moment.effective
    return _move(session, row, RUNNING, moment.now)


def stop(
    session: Session, project: str, key: str, moment: Moment, *, revision: int | None = None
) -> Document:
    """Stop an experiment: everybody gets control again.

    Raises:
        InvalidInputError: If the moment named lies in the future or before the start.
        IllegalTransitionError: If it is not running.
    """
    row = cast("Experiment", queries.get(session, EXPERIMENTS, project, key))
    require_revision(row, revision)
    require_transition(row.state, STOPPED)
    row.stopped_at = moment.effective
    if row.started_at is not None and row.stopped_at < row.started_at:
        raise InvalidInputError.at(
            "at", f"the experiment started at {format_instant(row.started_at)}, after that"
        )
    return _move(session, row, STOPPED, moment.now)


def get_plan(session: Session, project: str, key: str) -> Document:
    """Return the plan of an experiment: as frozen at the start, or as a draft would freeze it now.

    The plan holds all that decisions and analyses depend on: ``experiment``, ``salt``,
    ``hash_version``, ``layer``, ``holdouts``, versions of ``segments`` and ``personas``, ``journey`` and every ``metrics`` and ``journeys``
    entry it refers to, each journey with its version.
    """
    row = cast("Experiment", queries.get(session, EXPERIMENTS, project, key))
    plan: Document = row.plan if row.state != DRAFT else build_plan(session, row)
    return plan


def list_plans(session: Session, project: str) -> list[tuple[str, Document]]:
    """Return state and plan of every experiment that has started, in the order of their keys."""
    return [(row.state, row.plan) for row in experiment_queries.list_started(session, project)]


def build_plan(session: Session, row: Experiment) -> Document:
    """Gather all that an experiment depends on into one document."""
    experiment = row.document
    metrics = {
        use["metric"]: queries.get(session, METRICS, row.project, use["metric"]).document
        for use in experiment["metrics"]
    }
    keys = sorted(
        {metric["journey"] for metric in metrics.values() if metric["journey"]} | {experiment["journey"]}
    )
    journeys = {key: _plan_journey(session, row.project, key) for key in keys}
    return {
        "schema_version": PLAN_VERSION,
        "project": row.project,
        "experiment": experiment,
        "salt": row.salt,
        "hash_version": row.hash_version,
        **plan_traffic(session, row.project, experiment),
        "journey": journeys[experiment["journey"]],
        "journeys": journeys,
        "metrics": metrics,
    }


def hash_plan(plan: Document) -> str:
    """Return the SHA-256 of a plan's canonical JSON."""
    return hashlib.sha256(msgspec.json.encode(plan, order="deterministic")).hexdigest()


def _plan_journey(session: Session, project: str, key: str) -> Document:
    """Return a journey as a plan keeps it."""
    row = cast("Journey", queries.get(session, JOURNEYS, project, key))
    return {"key": key, "version": row.definition_version, "document": row.document}


def _require_room(session: Session, row: Experiment) -> None:
    """Refuse a slot that a running experiment has."""
    if row.layer is None:
        return
    layer_queries.lock(session, row.project, row.layer)
    running = experiment_queries.list_running_in_layer(session, row.project, row.layer)
    taken = {other.key: _slot(other) for other in running}
    require_room(row.layer, _slot(row), taken)


def _slot(row: Experiment) -> Slot:
    """Return the slot of an experiment that has a layer."""
    return Slot(*row.document["slot"])


def _move(session: Session, row: Experiment, state: str, now: datetime) -> Document:
    """Write the new state of an experiment."""
    before: dict[str, Any] = {"state": row.state}
    verb = "start" if state == RUNNING else "stop"
    row.state = state
    row.updated_at = now
    queries.save(session, f"experiment {row.key}")
    after = {"state": state, "plan_hash": row.plan_hash}
    audit.record(session, now, (row.project, verb, EXPERIMENTS, row.key), before, after)
    return describe(row)


def request_analysis(session: Session, project: str, key: str, *, now: datetime) -> int:
    """Queue an analysis for the worker and return the number of its job.

    Raises:
        ConflictError: If the experiment has not started: there is nothing to judge.
    """
    row = cast("Experiment", queries.get(session, EXPERIMENTS, project, key))
    if row.state == DRAFT:
        raise ConflictError(
            f"experiment {key} has not started, so there is nothing to analyse; start it first"
        )
    return jobs.enqueue(
        session, "analyse", {"project": project, "experiment": key}, key=f"{project}/{key}", now=now
    )
