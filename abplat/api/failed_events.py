"""GET /v1/failed-events: what was refused, whole and with the reason."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from flask import g

from abplat.api.auth import require_key
from abplat.api.definitions import ApiBlueprint
from abplat.api.schemas.definitions import StrictSchema
from abplat.api.session import current_session
from abplat.clock import format_instant, from_micros
from abplat.domain.keys import ADMIN, SERVER
from abplat.domain.roles import ANALYST
from abplat.services import events

blueprint = ApiBlueprint("failed_events", __name__, description="Events that were refused.")


class FailedEventsQuery(StrictSchema):
    """Which refused events to show."""

    limit = ma.fields.Integer(load_default=50, validate=ma.validate.Range(1, 500))
    before = ma.fields.Integer(load_default=None, validate=ma.validate.Range(1, 2**63 - 1))


class FailedEvent(StrictSchema):
    """A refused event."""

    id = ma.fields.Integer()
    received_at = ma.fields.String()
    code = ma.fields.String()
    message = ma.fields.String()
    index = ma.fields.Integer(allow_none=True)
    body = ma.fields.String(metadata={"description": "The event as it was sent, as JSON text."})


class FailedEventsPage(StrictSchema):
    """Refused events, youngest first; ``next`` is the ``before`` of the next page."""

    items = ma.fields.List(ma.fields.Nested(FailedEvent))
    next = ma.fields.Integer(allow_none=True)


@blueprint.route("/v1/failed-events", methods=["GET"])
@require_key(SERVER, ADMIN, role=ANALYST)
@blueprint.arguments(FailedEventsQuery, location="query")
@blueprint.response(200, FailedEventsPage)
def list_failed(query: dict[str, Any]) -> dict[str, Any]:
    """List refused events."""
    limit = query["limit"]
    found = events.list_failed(current_session(), g.key.project_key, limit=limit, before=query["before"])
    items = [{**row._mapping, "received_at": format_instant(from_micros(row.received_us))} for row in found]  # noqa: SLF001  # the public name of it
    return {"items": items, "next": found[-1].id if len(found) == limit else None}
