"""What can be done with experiments. Each verb is one transaction of the caller: all of it or nothing."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple, cast

import msgspec
from sqlalchemy.orm import Session

from abplat.clock import format_instant
from abplat.db.models.experiments import Experiment
from abplat.db.queries import definitions as queries
from abplat.domain.approvals import RAMP, START, STOP
from abplat.domain.catalogue import EXPERIMENTS, TEMPLATES, Document
from abplat.domain.checklist import CheckItem, require_ready
from abplat.domain.checklist_facts import FAILED
from abplat.domain.conclusions import parse_conclusion
from abplat.domain.experiments import ANALYSIS_ONLY
from abplat.domain.fields import MAX_TEXT, Fields
from abplat.domain.lifecycle import (
    CHECKED,
    CONCLUDED,
    KILLABLE,
    PAUSED,
    RUNNING,
    STOPPED,
    UNSTARTED,
    require_state,
    require_transition,
)
from abplat.domain.report import decode_report
from abplat.domain.templates import apply_template
from abplat.errors import ConflictError, InvalidInputError, NotFoundError
from abplat.services import approval_gate, approvals, audit, checklists, jobs, phases, plans, reports
from abplat.services.definitions import Verbs, describe, require_revision, require_whole

SCHEDULE: Final = "job:schedule"
"""Who acts where a schedule does."""
_verbs = Verbs(EXPERIMENTS)

get = _verbs.get
list_ = _verbs.list_
update = _verbs.update
archive = _verbs.archive
get_plan = plans.get_plan
get_analysis = plans.get_analysis
list_plans = plans.list_plans
build_plan = plans.build_plan
hash_plan = plans.hash_plan


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


def create(session: Session, project: str, document: Any, *, now: datetime) -> Document:
    """Create an experiment, of a template where the document names one under ``template``.

    Raises:
        InvalidInputError: With every fault found.
        DuplicateKeyError: If the project has one of this key.
        NotFoundError: If there is no such template.
    """
    name = document.get("template") if isinstance(document, Mapping) else None
    if name is None:
        return _verbs.create(session, project, document, now=now)
    template = queries.get(session, TEMPLATES, project, str(name))
    if template.archived_at is not None:
        raise ConflictError(f"template {name} is archived; choose another")
    said = {field: value for field, value in document.items() if field != "template"}
    created = _verbs.create(session, project, apply_template(template.document, said), now=now)
    row = _get(session, project, created["key"])
    row.template = template.key
    queries.save(session, f"experiment {row.key}")
    return describe(row)


def check(
    session: Session, project: str, key: str, *, now: datetime, revision: int | None = None
) -> Document:
    """Tick the checklist of an experiment; it is checked while nothing that blocks has failed.

    Raises:
        IllegalTransitionError: If it has started.
        ConflictError: If a blocking item has failed.
    """
    row = _get(session, project, key, revision)
    require_state(row.state, UNSTARTED, "checked")
    require_ready(checklists.tick_row(session, row, now))
    return describe(row) if row.state == CHECKED else _move(session, row, "check", CHECKED, now, {})


def start(
    session: Session, project: str, key: str, moment: Moment, *,
    revision: int | None = None, anyway: str | None = None,
) -> Document:  # fmt: skip
    """Start an experiment: customers are assigned, and its plan is frozen.

    Args:
        session: Where to write.
        project: Key of the project.
        key: Key of the experiment.
        moment: When.
        revision: What the caller read; None skips the comparison.
        anyway: Reason to start although the checklist has failed; kept in the audit trail.

    Raises:
        InvalidInputError: If the moment named lies in the future.
        IllegalTransitionError: If it has started before.
        LayerFullError: If its slot overlaps one of a running experiment.
        ApprovalNeededError: If the project wants a second person to approve it, and none has.
        ConflictError: If a blocking item of the checklist has failed.
    """
    row = _get(session, project, key, revision)
    require_transition(row.state, RUNNING)
    require_state(row.state, UNSTARTED, "started")
    reason = _read_reason({"anyway": anyway}, "anyway")
    asked = {"at": format_instant(moment.named) if moment.named else None, "anyway": reason}
    approval_gate.pass_gate(session, row, START, asked, moment.now)
    require_whole(session, project, EXPERIMENTS, key)
    checklists.lock_slot(session, row)
    items = checklists.tick_row(session, row, moment.now)
    if not reason:
        require_ready(items)
    row.plan = {**plans.build_plan(session, row), plans.MASK: secrets.token_hex(16)}
    row.schedule_fault = None
    row.plan_hash = plans.hash_plan(row.plan)
    row.started_at = moment.effective
    phases.begin_first(session, row, row.started_at)
    started = _move(session, row, "start", RUNNING, moment.now, _describe_start(items, reason))
    if row.ramp_step == 0 and row.document["schedule"]["ramp"][0]["approval"]:
        approvals.ask_for_schedule(session, row, RAMP, moment.now)
    return started


def _describe_start(items: tuple[CheckItem, ...], reason: str) -> Document:
    """Say in the audit trail what the checklist had found."""
    failed = [item.key for item in items if item.state == FAILED and item.is_blocking]
    return {"failed": failed, "anyway": reason} if failed else {}


def pause(
    session: Session, project: str, key: str, body: Any, *, now: datetime, revision: int | None = None
) -> Document:
    """Pause an experiment: everybody gets control until it is resumed.

    Raises:
        IllegalTransitionError: If it is not running.
    """
    row = _get_served(session, project, key, revision)
    require_transition(row.state, PAUSED)
    return _move(session, row, "pause", PAUSED, now, {"reason": _read_reason(body)})


def resume(
    session: Session, project: str, key: str, body: Any, *, now: datetime, revision: int | None = None
) -> Document:
    """Go on with a paused experiment: everybody gets the variant they had.

    Raises:
        IllegalTransitionError: If it is not paused.
    """
    row = _get_served(session, project, key, revision)
    require_state(row.state, (PAUSED,), "resumed")
    if row.ramp_step is not None:
        row.ramp_since = now
    return _move(session, row, "resume", RUNNING, now, {"reason": _read_reason(body)})


def stop(
    session: Session, project: str, key: str, moment: Moment, *,
    revision: int | None = None, reason: str | None = None,
) -> Document:  # fmt: skip
    """Stop an experiment: everybody gets control again.

    Raises:
        InvalidInputError: If the moment named lies in the future or before the start.
        IllegalTransitionError: If it is neither running nor paused.
        ApprovalNeededError: If the project wants a second person to approve it, and none has.
    """
    row = _get(session, project, key, revision)
    require_transition(row.state, STOPPED)
    if not _is_planned_end(session, row):
        asked = {"at": format_instant(moment.named) if moment.named else None}
        approval_gate.pass_gate(session, row, STOP, asked, moment.now)
    row.stopped_at = moment.effective
    if row.started_at is not None and row.stopped_at < row.started_at:
        raise InvalidInputError.at(
            "at", f"the experiment started at {format_instant(row.started_at)}, after that"
        )
    row.ramp_step = row.ramp_since = None
    said = {"at": format_instant(row.stopped_at), "reason": _read_reason({"reason": reason})}
    return _move(session, row, "stop", STOPPED, moment.now, said)


def _is_planned_end(session: Session, row: Experiment) -> bool:
    """Tell whether a schedule ends the experiment when its frozen plan says: that was approved with the start."""
    planned = (row.plan["experiment"].get("schedule") or {}).get("end_at")
    present = (row.document.get("schedule") or {}).get("end_at")
    return audit.actor_of(session) == SCHEDULE and planned is not None and planned == present


def kill(
    session: Session, project: str, key: str, body: Any, *, now: datetime, revision: int | None = None
) -> Document:
    """Give everybody control at once, whatever else holds; a second kill changes nothing.

    Raises:
        IllegalTransitionError: If nothing of it is served.
    """
    row = _get_served(session, project, key, revision)
    require_state(row.state, KILLABLE, "killed")
    reason = _read_reason(body)
    if row.killed_at is not None:
        return describe(row)
    row.killed_at = now
    return _move(session, row, "kill", row.state, now, {"killed": True, "reason": reason})


def revive(
    session: Session, project: str, key: str, body: Any, *, now: datetime, revision: int | None = None
) -> Document:
    """Put back what was served before the kill.

    Raises:
        ConflictError: If it was not killed.
    """
    row = _get_served(session, project, key, revision)
    reason = _read_reason(body)
    if row.killed_at is None:
        raise ConflictError(f"experiment {key} was not killed, so there is nothing to revive")
    row.killed_at = None
    if row.ramp_step is not None:
        row.ramp_since = now
    return _move(session, row, "revive", row.state, now, {"killed": False, "reason": reason})


def conclude(
    session: Session, project: str, key: str, body: Any, *, now: datetime, revision: int | None = None
) -> Document:
    """Say what was learned, and which variant everybody gets from now on.

    Raises:
        IllegalTransitionError: If it is not stopped.
        InvalidInputError: With every fault found.
    """
    row = _get(session, project, key, revision)
    require_transition(row.state, CONCLUDED)
    document = row.plan["experiment"]
    keys = [variant["key"] for variant in document["variants"]]
    conclusion = msgspec.to_builtins(parse_conclusion(body, document.get("kind", "ab"), keys))
    if row.document["kind"] == ANALYSIS_ONLY and conclusion["shipped"]:
        raise InvalidInputError.at("shipped", "cannot be: nothing of this experiment is served", "not_used")
    row.conclusion = {**conclusion, **_weigh(session, row, conclusion["shipped"], keys[0])}
    row.concluded_at = now
    return _move(session, row, "conclude", CONCLUDED, now, row.conclusion)


def _weigh(session: Session, row: Experiment, shipped: str | None, control: str) -> Document:
    """Name the Report a conclusion rests on, and whether its verdict speaks against what is shipped."""
    try:
        stored = reports.get(session, row.project, row.key)
    except NotFoundError:
        return {"report": None, "against_verdict": False}
    verdicts = {verdict.variant: verdict.may_ship for verdict in decode_report(stored.document).verdicts}
    against = shipped not in (None, control) and not verdicts.get(shipped or "", False)
    return {"report": stored.hash, "against_verdict": against}


def request_analysis(session: Session, project: str, key: str, *, now: datetime) -> int:
    """Queue an analysis for the worker and return the number of its job.

    Raises:
        ConflictError: If the experiment has not started: there is nothing to judge.
    """
    row = _get(session, project, key)
    if row.plan is None:
        raise ConflictError(
            f"experiment {key} has not started, so there is nothing to analyse; start it first"
        )
    return jobs.enqueue(
        session, "analyse", {"project": project, "experiment": key}, key=f"{project}/{key}", now=now
    )


def _get(session: Session, project: str, key: str, revision: int | None = None) -> Experiment:
    """Return an experiment that is at the revision that the caller has read."""
    row = cast("Experiment", queries.get(session, EXPERIMENTS, project, key))
    require_revision(row, revision)
    return row


def _get_served(session: Session, project: str, key: str, revision: int | None) -> Experiment:
    """Return an experiment of which something is served."""
    row = _get(session, project, key, revision)
    if row.document["kind"] == ANALYSIS_ONLY:
        raise ConflictError(f"experiment {key} is only analysed; nothing of it is served that could change")
    return row


def _read_reason(body: Any, name: str = "reason") -> str:
    """Return the reason that was given, if any."""
    fields = Fields(body)
    reason: str = fields.text(name, "", MAX_TEXT)
    fields.finish("request")
    return reason


def _move(
    session: Session, row: Experiment, verb: str, state: str, now: datetime, said: Document
) -> Document:
    """Write the new state of an experiment and who has done it."""
    before: Document = {"state": row.state}
    row.state = state
    row.updated_at = now
    queries.save(session, f"experiment {row.key}")
    after = {"state": state, "plan_hash": row.plan_hash, **said}
    audit.record(session, now, (row.project, verb, EXPERIMENTS, row.key), before, after)
    approval_gate.drop_impossible(session, row, now)
    return describe(row)
