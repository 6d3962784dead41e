"""Job: compute a plan and keep its answer."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from abplat.domain.plan_answers import PlanAnswer
from abplat.domain.plans import PlanRequest, parse_plan_request
from abplat.errors import InvalidInputError, NotFoundError, Problem
from abplat.facts.drain import Drain
from abplat.jobs.context import JobContext, Outcome
from abplat.services import planning


def run(context: JobContext, payload: dict[str, Any]) -> Outcome:
    """Compute ``payload["plan"]`` of ``payload["project"]``.

    A request that does not fit the past is answered with its faults; trying again would not help.
    """
    project, plan_id = str(payload.get("project", "")), str(payload.get("plan", ""))
    with context.sessions() as session:
        document = planning.get(session, project, plan_id)["request"]
    try:
        answer = compute_plan(context, project, parse_plan_request(document))
    except (InvalidInputError, NotFoundError) as error:
        return _refuse(context, project, plan_id, error)

    def publish(session: Session) -> None:
        planning.finish(session, project, plan_id, answer, now=context.clock())

    return Outcome(_summarise(answer), publish)


def _refuse(
    context: JobContext, project: str, plan_id: str, error: InvalidInputError | NotFoundError
) -> Outcome:
    """Keep why there is no answer."""
    problems = error.problems or (Problem("", error.message, error.code),)

    def publish(session: Session) -> None:
        planning.fail(session, project, plan_id, problems, now=context.clock())

    return Outcome(f"refused: {error.message}", publish)


def compute_plan(context: JobContext, project: str, request: PlanRequest) -> PlanAnswer:
    """Read what the definitions and the facts of a project say, and plan with it.

    Raises:
        InvalidInputError: If a name leads nowhere, or the request does not fit the past.
    """
    from abplat.analysis.planning.planner import Facts, make_answer  # noqa: PLC0415  slow to import

    if not request.needs_project:
        return make_answer(request, context.clock())
    with context.sessions() as session:
        subject = planning.find_subject(session, project, request)
    Drain(context.engine, context.lake).run_waiting()
    return make_answer(request, context.clock(), Facts(context.lake, context.settings), subject)


def _summarise(answer: PlanAnswer) -> str:
    """Say the main result in a few words."""
    if answer.size is None:
        return answer.gaps[0].message if answer.gaps else "no size"
    weeks = "" if answer.run_time is None else f", {answer.run_time.n_weeks} weeks"
    return f"{answer.size.n_units:,} units{weeks}"
