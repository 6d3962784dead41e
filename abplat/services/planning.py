"""What can be done with plans: ask for one, read it, list and forget them. They are computed in ``abplat.analysis.planning``."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final, cast

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session

from abplat.clock import from_micros, to_micros
from abplat.db.models.experiments import Experiment
from abplat.db.models.jobs import jobs as job_table
from abplat.db.models.journeys import Journey
from abplat.db.models.plans import StoredPlan
from abplat.db.queries import definitions, plans
from abplat.domain import plan_answers
from abplat.domain.catalogue import EXPERIMENTS, JOURNEYS, METRICS, Document
from abplat.domain.layers import BUCKETS
from abplat.domain.lifecycle import UNSTARTED
from abplat.domain.plan_answers import PlanAnswer, encode_answer
from abplat.domain.plans import PlanRequest, parse_plan_request
from abplat.errors import ConflictError, InvalidInputError, NotFoundError, Problem
from abplat.services import experiments, jobs
from abplat.services import plans as plans_of
from abplat.services.definitions import Page

KEEP_FOR: Final = timedelta(days=90)
"""How long a plan can be read: its numbers are of the history of its day."""
_MICROS_DIGITS: Final = 17
_GIVEN_UP = Problem("", "the worker could not compute the plan; its log says why. Ask again", "internal")


def create(session: Session, project: str, document: Any, *, now: datetime) -> Document:
    """Keep a request and queue its computation.

    Args:
        session: Session that the caller commits.
        project: Key of the project.
        document: The request as it was sent.
        now: The present instant.

    Raises:
        InvalidInputError: With every fault found, names that lead nowhere among them.
    """
    request = parse_plan_request(document)
    find_subject(session, project, request)
    row = StoredPlan(
        id=secrets.token_hex(16), project=project, state="queued", request=dict(document), created_at=now
    )
    session.add(row)
    session.flush()
    payload = {"project": project, "plan": row.id}
    row.job = jobs.enqueue(session, "plan", payload, key=f"{project}/{row.id}", now=now)
    return _describe(row, _find_job(session, row))


def get(session: Session, project: str, plan_id: str) -> Document:
    """Return a plan with its state, and its answer once there is one.

    Raises:
        NotFoundError: If the project has none of this id.
    """
    row = plans.get(session, project, plan_id)
    return _describe(row, _find_job(session, row))


def find_days(session: Session, project: str, plan_id: str, effect: float) -> Document:
    """Return after how many days a plan shows an effect of a size.

    Raises:
        NotFoundError: If the project has none of this id.
        ConflictError: If it has no answer.
    """
    answer = plans.get(session, project, plan_id).answer
    if answer is None:
        raise ConflictError(f"plan {plan_id} has no answer; read its state first")
    return {"effect": effect, "days": plan_answers.find_days(plan_answers.decode_answer(answer), effect)}


def list_(session: Session, project: str, *, after: str, limit: int) -> Page:
    """Return a page of plans, the youngest first; answers are left to :func:`get`.

    Raises:
        InvalidInputError: If ``after`` is no place in the list.
    """
    found = plans.list_(session, project, before=_read_place(after), limit=limit + 1)
    items = [_describe(row, job) for row, job in found[:limit]]
    for item in items:
        del item["answer"]
    if len(found) <= limit:
        return Page(items, None)
    last = found[limit - 1][0]
    return Page(items, f"{to_micros(last.created_at)}.{last.id}")


def _read_place(after: str) -> tuple[datetime, str] | None:
    """Return the instant and the id of the plan after which a page starts."""
    if not after:
        return None
    micros, _, plan_id = after.partition(".")
    if not micros.isdecimal() or len(micros) > _MICROS_DIGITS or not plan_id:
        message = "is not a cursor; take next_cursor of the page before"
        raise InvalidInputError.at("cursor", message, "bad_cursor")
    return from_micros(int(micros)), plan_id


def forget_old(session: Session, *, now: datetime) -> int:
    """Remove the plans that nobody can want any more; return how many."""
    return plans.remove_older(session, now - KEEP_FOR)


def _find_job(session: Session, row: StoredPlan) -> str | None:
    """Return the state of the job that computes a plan."""
    return session.execute(select(job_table.c.state).where(job_table.c.id == row.job)).scalar()


def _describe(row: StoredPlan, job: str | None) -> Document:
    """Return a plan as it stands; the job knows whether somebody is at it."""
    state, problems = row.state, row.problems or []
    if state == "queued" and job == "running":
        state = "running"
    elif state == "queued" and job == "failed":
        state, problems = "failed", [_GIVEN_UP._asdict()]
    return {
        "id": row.id,
        "state": state,
        "request": row.request,
        "answer": row.answer,
        "problems": problems,
        "created_at": row.created_at,
        "finished_at": row.finished_at,
    }


def finish(session: Session, project: str, plan_id: str, answer: PlanAnswer, *, now: datetime) -> None:
    """Keep the answer of a plan."""
    row = plans.get(session, project, plan_id)
    row.state, row.finished_at = "done", now
    row.answer = msgspec.json.decode(encode_answer(answer))
    session.flush()


def fail(session: Session, project: str, plan_id: str, problems: Sequence[Problem], *, now: datetime) -> None:
    """Note why a plan has no answer."""
    row = plans.get(session, project, plan_id)
    row.state, row.finished_at = "failed", now
    row.problems = [problem._asdict() for problem in problems]
    session.flush()


def find_subject(session: Session, project: str, request: PlanRequest) -> Document | None:
    """Gather what the definitions of a project say of the test; None where the request has numbers.

    Raises:
        InvalidInputError: If a name leads nowhere.
    """
    if not request.needs_project:
        return None
    if request.experiment is not None:
        return _find_experiment(session, project, request, request.experiment)
    return _find_metric(session, project, request, request.metric or "")


def _find_experiment(session: Session, project: str, request: PlanRequest, key: str) -> Document:
    """Gather what an experiment says."""
    row = cast("Experiment", _require(session, project, EXPERIMENTS, key, "experiment"))
    plan = experiments.get_plan(session, project, key)
    document = plan["experiment"]
    keys = [use["metric"] for use in document["metrics"]]
    if request.metric is not None and request.metric not in keys:
        message = f"is none of the experiment's metrics, which are {', '.join(keys)}"
        raise InvalidInputError.at("metric", message, "unknown_metric")
    past = None if row.state in UNSTARTED else _describe_past(plan, is_required=False)
    if request.history_of is not None:
        past = _find_past(session, project, request.history_of)
    horizon = request.horizon or document["horizon"]
    return {
        "frozen": {**plan, "experiment": {**document, "horizon": horizon}},
        "metric": request.metric,
        "share": _share(plan),
        "past": past,
        "is_targeted": document["targeting"] is not None,
        "is_experiment": True,
    }


def _find_metric(session: Session, project: str, request: PlanRequest, key: str) -> Document:
    """Gather what a metric says, as if an experiment of two arms had it."""
    metric = _require(session, project, METRICS, key, "metric").document
    journey = metric["journey"] or request.journey
    if journey is None:
        message = f"is missing; metric {key} names none, so say which journey its customers are on"
        raise InvalidInputError.at("journey", message, "required")
    if request.journey not in (None, journey):
        message = f"is {request.journey!r}, but metric {key} counts on journey {journey!r}; remove it"
        raise InvalidInputError.at("journey", message, "not_used")
    found = cast("Journey", _require(session, project, JOURNEYS, journey, "journey"))
    walked = {"key": journey, "version": found.definition_version, "document": found.document}
    counted = {key: metric, **plans_of.plan_parts(session, project, {key: metric})}
    others = plans_of.plan_journeys(session, project, counted, journey)
    arms = [{"key": name, "weight": BUCKETS // 2} for name in ("control", "treatment")]
    experiment = {
        "key": "",
        "journey": journey,
        "variants": arms,
        "metrics": [{"metric": key, "role": "primary"}],
        "horizon": request.horizon,
    }
    past = request.history_of
    return {
        "frozen": {
            "project": project,
            "experiment": experiment,
            "journey": walked,
            "journeys": {**others, journey: walked},
            "metrics": counted,
        },
        "metric": key,
        "share": 1.0,
        "past": None if past is None else _find_past(session, project, past),
        "is_targeted": False,
        "is_experiment": False,
    }


def _find_past(session: Session, project: str, key: str) -> Document:
    """Return the experiment whose exposures are to stand for those of the test."""
    _require(session, project, EXPERIMENTS, key, "history_of")
    return _describe_past(experiments.get_plan(session, project, key), is_required=True)


def _describe_past(plan: Document, *, is_required: bool) -> Document:
    """Return what is needed of an experiment to use its exposures."""
    return {
        "experiment": plan["experiment"]["key"],
        "variants": plan["experiment"]["variants"],
        "overrides": sorted(plan["experiment"].get("overrides") or ()),
        "share": _share(plan),
        "is_required": is_required,
    }


def _share(plan: Document) -> float:
    """Return the share of all customers that an experiment takes: included, slot and holdouts."""
    share: float = plan["experiment"]["included"] / BUCKETS
    if plan["layer"] is not None:
        start, end = plan["layer"]["slot"]
        share *= (end - start) / BUCKETS
    for holdout in plan["holdouts"]:
        share *= 1 - holdout["share"] / BUCKETS
    return share


def _require(session: Session, project: str, noun: str, key: str, path: str) -> Any:
    """Return a definition that a request names."""
    try:
        return definitions.get(session, noun, project, key)
    except NotFoundError as error:
        message = f"this project has no {noun.removesuffix('s')} {key!r}; define it first, or name another"
        raise InvalidInputError.at(path, message, f"unknown_{noun.removesuffix('s')}") from error
