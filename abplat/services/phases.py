"""What can be done with phases: nothing of a running experiment changes but by a new one."""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Any, NamedTuple, cast

import msgspec
from sqlalchemy.orm import Session

from abplat.db.models.experiments import Experiment
from abplat.db.models.phases import Phase
from abplat.db.queries import assignments
from abplat.db.queries import definitions as queries
from abplat.db.queries import phases as phase_queries
from abplat.domain.approvals import WEIGHTS
from abplat.domain.catalogue import EXPERIMENTS, Document
from abplat.domain.experiments import ANALYSIS_ONLY
from abplat.domain.lifecycle import HOLDING, require_state
from abplat.domain.phases import (
    BEGIN,
    RESET,
    WIDEN,
    PhaseRequest,
    Traffic,
    kind_of,
    next_traffic,
    parse_phase,
    share_moved,
)
from abplat.errors import ConflictError
from abplat.services import approval_gate, audit
from abplat.services.definitions import describe, require_revision


class _Beginning(NamedTuple):
    """How and why a phase begins."""

    kind: str
    reason: str
    at: datetime
    is_planned: bool = False


def list_(session: Session, project: str, key: str) -> list[Document]:
    """Return the phases of an experiment, oldest first.

    Raises:
        NotFoundError: If there is no such experiment.
    """
    row = cast("Experiment", queries.get(session, EXPERIMENTS, project, key))
    return [_describe(phase) for phase in phase_queries.list_(session, row.id)]


def begin_first(session: Session, row: Experiment, at: datetime) -> None:
    """Give an experiment that starts its first phase: the weights planned, the first step of its ramp."""
    document = row.document
    ramp = (document["schedule"] or {}).get("ramp") or []
    row.ramp_step, row.ramp_since, row.ramp_approved = (0, at, False) if ramp else (None, None, False)
    traffic = Traffic(
        phase=1,
        salt=row.salt,
        weights={variant["key"]: variant["weight"] for variant in document["variants"]},
        included=ramp[0]["included"] if ramp else document["included"],
    )
    _write(session, row, traffic, _Beginning(BEGIN, "start", at))


def begin(
    session: Session, project: str, key: str, body: Any, *, now: datetime, revision: int | None = None
) -> Document:
    """Begin a new phase with other weights, greater coverage or a new salt, for a reason.

    Raises:
        IllegalTransitionError: If the experiment is neither running nor paused.
        InvalidInputError: With every fault found.
        ConflictError: If nothing would change, coverage would shrink, or a ramp is under way.
        ApprovalNeededError: If the project wants a second person to approve it, and none has.
    """
    row, present, request, kind = _prepare(session, project, key, body, revision)
    asked = {"weights": request.weights, "included": request.included, "reset": request.reset}
    approval_gate.pass_gate(session, row, WEIGHTS, asked, now)
    traffic = next_traffic(present, request, secrets.token_hex(16))
    if kind == RESET:
        phase_queries.lock_draws(session.connection(), project)
        assignments.forget_experiment(session, project, key)
    _change(session, row, traffic, _Beginning(kind, request.reason, now))
    return describe(row)


def preview(session: Session, project: str, key: str, body: Any) -> Document:
    """Say what a new phase would change, and for which share of customers; write nothing.

    Raises:
        ConflictError: As beginning it would.
    """
    _, present, request, kind = _prepare(session, project, key, body)
    traffic = next_traffic(present, request, "new" if request.reset else present.salt)
    return {
        "kind": kind,
        "before": {"weights": present.weights, "included": present.included},
        "after": {"weights": traffic.weights, "included": traffic.included},
        "share_moved": share_moved(present, traffic),
    }


def widen(session: Session, row: Experiment, included: int, now: datetime) -> None:
    """Let more customers in because the ramp says so."""
    present = msgspec.convert(row.traffic, Traffic)
    traffic = next_traffic(present, PhaseRequest("", None, included, reset=False), present.salt)
    _change(session, row, traffic, _Beginning(WIDEN, "the ramp", now, is_planned=True))


def _prepare(
    session: Session, project: str, key: str, body: Any, revision: int | None = None
) -> tuple[Experiment, Traffic, PhaseRequest, str]:
    """Read what a new phase is to change and refuse what cannot be."""
    row = cast("Experiment", queries.get(session, EXPERIMENTS, project, key))
    require_revision(row, revision)
    require_state(row.state, HOLDING, "given a new phase")
    if row.document["kind"] == ANALYSIS_ONLY:
        raise ConflictError(f"experiment {key} is only analysed; nothing of it is served that could change")
    present = msgspec.convert(row.traffic, Traffic)
    request = parse_phase(body, present)
    if row.ramp_step is not None and request.included is not None:
        raise ConflictError("a ramp is under way and sets the coverage; take it out of the schedule first")
    return row, present, request, kind_of(request, present)


def _change(session: Session, row: Experiment, traffic: Traffic, how: _Beginning) -> None:
    """Write a further phase and who has begun it."""
    before = row.traffic
    row.updated_at = how.at
    _write(session, row, traffic, how)
    queries.save(session, f"experiment {row.key}")
    after = {**row.traffic, "reason": how.reason, "is_planned": how.is_planned}
    audit.record(session, how.at, (row.project, how.kind, EXPERIMENTS, row.key), before, after)


def _write(session: Session, row: Experiment, traffic: Traffic, how: _Beginning) -> None:
    """Serve other traffic from now on, and keep the phase."""
    counts_from = how.at
    if how.kind == WIDEN:
        counts_from = phase_queries.get_last(session, row.id).counts_from
    row.traffic = msgspec.to_builtins(traffic)
    session.add(
        Phase(
            experiment_id=row.id,
            number=traffic.phase,
            kind=how.kind,
            salt=traffic.salt,
            weights=traffic.weights,
            included=traffic.included,
            reason=how.reason,
            started_at=how.at,
            counts_from=counts_from,
        )
    )


def _describe(phase: Phase) -> Document:
    """Return a phase as it is answered."""
    return {
        "number": phase.number,
        "kind": phase.kind,
        "salt": phase.salt,
        "weights": phase.weights,
        "included": phase.included,
        "reason": phase.reason,
        "started_at": phase.started_at,
        "counts_from": phase.counts_from,
    }
