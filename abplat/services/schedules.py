"""What schedules want done: found by a look, done in the transaction of the worker's job."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple, cast

import msgspec
from sqlalchemy.orm import Session

from abplat.db.models.experiments import Experiment
from abplat.db.queries import definitions as queries
from abplat.db.queries import experiments as experiment_queries
from abplat.db.queries import phases as phase_queries
from abplat.domain.approvals import RAMP
from abplat.domain.catalogue import EXPERIMENTS, Document
from abplat.domain.experiments import CLUSTER_TYPES
from abplat.domain.fields import Fields
from abplat.domain.lifecycle import RUNNING, require_state
from abplat.domain.schedules import (
    MAX_STEPS,
    MISSED,
    START,
    STOP,
    WIDEN,
    Progress,
    Schedule,
    find_due,
    waits_for_sample,
)
from abplat.errors import AbplatError, ApprovalNeededError, ConflictError, StaleVersionError
from abplat.services import approvals, audit, experiments, notices, phases
from abplat.services.definitions import describe, require_revision
from abplat.services.experiments import Moment

ACTOR = experiments.SCHEDULE
Samples = Mapping[tuple[str, str], int]
"""Customers of the smallest variant, by project and experiment."""


class Sampled(NamedTuple):
    """An experiment whose ramp waits for customers, and what to count."""

    project: str
    key: str
    variants: tuple[str, ...]
    counts_from: datetime
    is_clustered: bool
    """Whether groups are drawn, so that groups are counted."""


def list_sampled(session: Session, now: datetime) -> list[Sampled]:
    """Return the experiments whose next step hangs on nothing but the number of customers."""
    found = []
    for row in experiment_queries.list_scheduled(session):
        if waits_for_sample(_schedule(row), _progress(row), now):
            weights = row.traffic["weights"]
            variants = tuple(key for key, weight in weights.items() if weight)
            counts_from = phase_queries.get_last(session, row.id).counts_from
            is_clustered = row.document["unit_type"] in CLUSTER_TYPES
            found.append(Sampled(row.project, row.key, variants, counts_from, is_clustered))
    return found


def list_due(session: Session, samples: Samples, now: datetime) -> list[str]:
    """Say what is due; what failed before and would only fail again is left unsaid."""
    return [
        f"{what} {row.project}/{row.key}"
        for row in experiment_queries.list_scheduled(session)
        if (what := _find_due(row, samples, now)) is not None and row.schedule_fault is None
    ]


def is_any_due(session: Session, samples: Samples, now: datetime) -> bool:
    """Tell whether anything is due."""
    rows = experiment_queries.list_scheduled(session)
    return any(_find_due(row, samples, now) is not None for row in rows)


def run_due(session: Session, samples: Samples, *, now: datetime) -> list[str]:
    """Do what is due now, each experiment for itself; return what was done.

    Everything is looked at again in this transaction, so what somebody else has done meanwhile is
    not done twice. What cannot be done is noted at the experiment and tried again.
    """
    audit.act_as(session, ACTOR)
    done = []
    for row in experiment_queries.list_scheduled(session, lock=True):
        what = _find_due(row, samples, now)
        if what is None:
            continue
        try:
            with session.begin_nested():
                _do(session, row, what, now)
        except StaleVersionError:
            raise
        except ApprovalNeededError as error:
            approvals.ask_for_schedule(session, row, what, now)
            _note_fault(session, row, error.message, now)
        except AbplatError as error:
            _note_fault(session, row, error.message, now)
        else:
            notices.tell(session, row.project, notices.SCHEDULE, row.key, {"done": what}, now=now)
            done.append(f"{what} {row.project}/{row.key}")
    return done


def approve(
    session: Session, project: str, key: str, body: Any, *, now: datetime, revision: int | None = None
) -> Document:
    """Approve the step that a ramp is at: it goes on once the rest of the step has come to pass.

    Raises:
        ConflictError: If no ramp is under way, or it is at another step than the one named.
        NotAllowedError: If the project wants a second person for it, and the actor is not one.
    """
    row = cast("Experiment", queries.get(session, EXPERIMENTS, project, key))
    require_revision(row, revision)
    fields = Fields(body)
    step = fields.integer("step", 0, MAX_STEPS)
    fields.finish("approval")
    require_state(row.state, (RUNNING,), "approved")
    if row.ramp_step is None or step != row.ramp_step:
        at = "no ramp is under way" if row.ramp_step is None else f"the ramp is at step {row.ramp_step}"
        raise ConflictError(f"step {step} cannot be approved: {at}")
    approvals.settle_ramp(session, row, step, now)
    row.ramp_approved, row.updated_at = True, now
    queries.save(session, f"experiment {key}")
    audit.record(session, now, (project, "approve", EXPERIMENTS, key), after={"step": step})
    return describe(row)


def _schedule(row: Experiment) -> Schedule:
    """Return the schedule of an experiment that has one."""
    return msgspec.convert(row.document["schedule"], Schedule)


def _progress(row: Experiment) -> Progress:
    """Return where an experiment stands."""
    return Progress(row.state, row.killed_at is not None, row.ramp_step, row.ramp_since, row.ramp_approved)


def _find_due(row: Experiment, samples: Samples, now: datetime) -> str | None:
    """Return what an experiment's schedule wants done."""
    return find_due(_schedule(row), _progress(row), now, samples.get((row.project, row.key)))


def _do(session: Session, row: Experiment, what: str, now: datetime) -> None:
    """Do one thing."""
    if what == START:
        experiments.start(session, row.project, row.key, Moment(now))
    elif what == STOP:
        experiments.stop(session, row.project, row.key, Moment(now), reason="the end of the schedule")
    elif what == WIDEN:
        _open_further(session, row, now)
    elif what == MISSED:
        raise ConflictError("the end of the schedule has passed before the start; give it another end")


def _open_further(session: Session, row: Experiment, now: datetime) -> None:
    """Take the next step of a ramp; after the last one everybody planned takes part."""
    ramp = _schedule(row).ramp
    step = (row.ramp_step or 0) + 1
    is_last = step >= len(ramp)
    included = row.plan["experiment"]["included"] if is_last else ramp[step].included
    row.ramp_step, row.ramp_since, row.ramp_approved = (None, None, False) if is_last else (step, now, False)
    row.schedule_fault = None
    phases.widen(session, row, included, now)
    if not is_last and ramp[step].approval:
        approvals.ask_for_schedule(session, row, RAMP, now)


def _note_fault(session: Session, row: Experiment, message: str, now: datetime) -> None:
    """Keep why something could not be done; the same reason is kept once."""
    if row.schedule_fault == message:
        return
    row.schedule_fault, row.updated_at = message, now
    queries.save(session, f"experiment {row.key}")
    notices.tell(session, row.project, notices.SCHEDULE, row.key, {"fault": message}, now=now)
    after = {"fault": message}
    audit.record(session, now, (row.project, "schedule", EXPERIMENTS, row.key), after=after)
