"""Routes of plans: ask for one, read it, list them; the worker computes."""

from __future__ import annotations

from typing import Any

from flask import g, url_for

from abplat.api.auth import require_key
from abplat.api.definitions import Answer, ApiBlueprint
from abplat.api.pages import describe_page, read_cursor
from abplat.api.schemas.definitions import PageQuery
from abplat.api.schemas.plans import DaysQuery, DaysSchema, PlanPage, PlanRequestSchema, PlanSchema
from abplat.api.session import current_platform, current_session
from abplat.domain.keys import ADMIN
from abplat.domain.roles import ANALYST
from abplat.services import planning

blueprint = ApiBlueprint("plans", __name__, url_prefix="/v1/plans", description="Plans")


@blueprint.post("")
@require_key(ADMIN, role=ANALYST)
@blueprint.arguments(PlanRequestSchema)
@blueprint.response(202, PlanSchema)
@blueprint.doc(operationId="create_plan", summary="Ask how large and long a test must be")
def create(document: dict[str, Any]) -> Answer:
    """Keep the request and queue its computation; read the plan where Location says until it is done."""
    session, now = current_session(), current_platform().clock()
    plan = planning.create(session, g.key.project_key, document, now=now)
    return plan, 202, {"Location": url_for("plans.get", plan_id=plan["id"]), "Retry-After": "1"}


@blueprint.get("")
@require_key(ADMIN)
@blueprint.arguments(PageQuery, location="query")
@blueprint.response(200, PlanPage)
@blueprint.doc(operationId="list_plans", summary="List the plans of the last 90 days")
def list_(query: dict[str, Any]) -> Answer:
    """Answer a page, the youngest first, without the answers: read those one by one."""
    after = read_cursor(query["cursor"])
    page = planning.list_(current_session(), g.key.project_key, after=after, limit=query["limit"])
    return describe_page(page)


@blueprint.get("/<plan_id>")
@require_key(ADMIN)
@blueprint.response(200, PlanSchema)
@blueprint.doc(operationId="get_plan", summary="Read a plan")
def get(plan_id: str) -> Answer:
    """Answer the state of a plan, with its answer or its problems."""
    return planning.get(current_session(), g.key.project_key, plan_id)


@blueprint.get("/<plan_id>/days")
@require_key(ADMIN)
@blueprint.arguments(DaysQuery, location="query")
@blueprint.response(200, DaysSchema)
@blueprint.doc(operationId="find_plan_days", summary="Trade effect against days")
def find_days(query: dict[str, Any], plan_id: str) -> Answer:
    """Answer after how many days a plan shows an effect of a size, by the weeks of its answer."""
    return planning.find_days(current_session(), g.key.project_key, plan_id, query["effect"])
