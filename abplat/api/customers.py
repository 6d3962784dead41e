"""Routes of what customers ask for: a copy of everything that is kept of them, and its erasure."""

from __future__ import annotations

from typing import Any

from flask import Response, g, url_for

from abplat.api.auth import require_key
from abplat.api.definitions import Answer, ApiBlueprint
from abplat.api.schemas.customer_timelines import TimelineRequest, TimelineResponse
from abplat.api.schemas.customers import (
    CustomerRequestRequest,
    CustomerRequestSchema,
    CustomerRequestsPage,
    CustomerRequestsQuery,
)
from abplat.api.session import current_platform, current_session
from abplat.domain.keys import ADMIN, SERVER
from abplat.domain.roles import ADMIN as ADMIN_ROLE
from abplat.domain.roles import ANALYST
from abplat.errors import NotFoundError
from abplat.services import customer_timelines, customers
from abplat.services.contexts import Inquiry
from abplat.services.sticky_decisions import Caller

blueprint = ApiBlueprint(
    "customers", __name__, url_prefix="/v1/customers", description="What customers ask for"
)


@blueprint.post("/erase")
@require_key(ADMIN, role=ADMIN_ROLE)
@blueprint.arguments(CustomerRequestRequest)
@blueprint.response(202, CustomerRequestSchema)
@blueprint.doc(operationId="erase_customer", summary="Erase a person, everywhere and for good")
def erase(document: dict[str, Any]) -> Answer:
    """Queue the erasure; when it is done nothing of the person is left, and nothing new is kept."""
    return _take(customers.ERASE, document)


@blueprint.post("/export")
@require_key(ADMIN, role=ADMIN_ROLE)
@blueprint.arguments(CustomerRequestRequest)
@blueprint.response(202, CustomerRequestSchema)
@blueprint.doc(operationId="export_customer", summary="Ask for a copy of all that is kept of a person")
def export(document: dict[str, Any]) -> Answer:
    """Queue the copy; fetch it within a day after it is done."""
    return _take(customers.EXPORT, document)


@blueprint.post("/timeline")
@require_key(SERVER, ADMIN, role=ANALYST)
@blueprint.arguments(TimelineRequest)
@blueprint.response(200, TimelineResponse)
@blueprint.doc(operationId="get_customer_timeline", summary="Tell what happened to a customer, and why")
def get_timeline(document: dict[str, Any]) -> Answer:
    """Answer identities, assignments, journeys and touchpoints in one line of time. The look-up is audited."""
    caller = Caller(g.key.project_key, g.key.kind)
    inquiry = Inquiry(caller, g.key.actor, document["id"], None, document["channel"])
    return customer_timelines.get_timeline(current_platform(), inquiry), 200, {"Cache-Control": "no-store"}


@blueprint.get("/requests")
@require_key(ADMIN, role=ADMIN_ROLE)
@blueprint.arguments(CustomerRequestsQuery, location="query")
@blueprint.response(200, CustomerRequestsPage)
@blueprint.doc(operationId="list_customer_requests", summary="List requests and their receipts")
def list_requests(query: dict[str, Any]) -> dict[str, Any]:
    """Answer the youngest requests first."""
    found = customers.list_(
        current_session(), g.key.project_key, limit=query["limit"], before=query["before"]
    )
    return {"items": found, "next": found[-1]["id"] if len(found) == query["limit"] else None}


@blueprint.get("/requests/<request_id>")
@require_key(ADMIN, role=ADMIN_ROLE)
@blueprint.response(200, CustomerRequestSchema)
@blueprint.doc(operationId="get_customer_request", summary="Read a request and its receipt")
def get_request(request_id: str) -> Answer:
    """Answer how a request stands."""
    return customers.get(current_session(), g.key.project_key, request_id)


@blueprint.get("/requests/<request_id>/copy")
@require_key(ADMIN, role=ADMIN_ROLE)
@blueprint.doc(
    operationId="get_customer_copy",
    summary="Fetch the copy that an export made",
    responses={"200": {"description": "Everything that is kept of the person.",
                       "content": {"application/json": {"schema": {"type": "object"}}}}},
)  # fmt: skip
def get_copy(request_id: str) -> Response:
    """Answer the copy, which no cache may keep."""
    text = customers.get_copy(current_session(), g.key.project_key, request_id)
    if text is None:
        raise NotFoundError("this request has no copy: it is not done yet, or more than a day old")
    return Response(text, content_type="application/json", headers={"Cache-Control": "no-store"})


def _take(kind: str, document: dict[str, Any]) -> Answer:
    """Keep a request and say where to look for it."""
    now = current_platform().clock()
    taken = customers.request(current_session(), g.key.project_key, kind, document, now=now)
    where = url_for("customers.get_request", request_id=taken["id"])
    return taken, 202, {"Location": where, "Retry-After": "5"}
