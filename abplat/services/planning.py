"""What can be done with plans: ask for one, read it. They are computed in ``abplat.analysis.planning``."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Any, cast

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session

from abplat.db.models.experiments import Experiment
from abplat.db.models.jobs import jobs as job_table
from abplat.db.models.journeys import Journey
from abplat.db.models.plans import StoredPlan
from abplat.db.queries import definitions, plans
from abplat.domain.catalogue import EXPERIMENTS, JOURNEYS, METRICS, Document
from abplat.domain.layers import BUCKETS
from abplat.domain.lifecycle import UNSTARTED
from abplat.domain.plan_answers import PlanAnswer, encode_answer
from abplat.domain.plans import PlanRequest, parse_plan_request
from abplat.errors import InvalidInputError, NotFoundError, Problem
from abplat.services import experiments, jobs
from abplat.services import plans as plans_of

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
    return _describe(session, row)


def get(session: Session, project: str, plan_id: str) -> Document:
    """Return a plan with its state, and its answer once there is one.

    Raises:
        NotFoundError: If the project has none of this id.
    """
    return _describe(session, plans.get(session, project, plan_id))


def _describe(session: Session, row: StoredPlan) -> Document:
    """Return a plan as it stands; the job knows whether somebody is at it."""
    state, problems = row.state, row.problems or []
    if state == "queued" and row.job is not None:
        job = session.execute(select(job_table.c.state).where(job_table.c.id == row.job)).scalar()
        if job == "running":
            state = "running"
        elif job == "failed":
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
