"""POST /v1/events: the hot path. No session, no marshmallow; 202 only when the events are on disk."""

from __future__ import annotations

import orjson
from flask import Response, g, request

from abplat.api.auth import KEY_IN_QUERY, require_key
from abplat.api.definitions import ApiBlueprint
from abplat.api.event_body import read_batch
from abplat.api.session import current_platform
from abplat.domain.keys import ADMIN, CLIENT, SERVER
from abplat.services import events

blueprint = ApiBlueprint("events", __name__, description="What happened to customers.")

_DOC = {
    "summary": "Record a batch of events",
    "parameters": [KEY_IN_QUERY],
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["events"],
                    "additionalProperties": False,
                    "properties": {
                        "sent_at": {"type": "string", "format": "date-time"},
                        "dropped": {"type": "integer", "minimum": 0, "maximum": 1_000_000_000},
                        "events": {
                            "type": "array",
                            "minItems": 1,
                            "maxItems": 500,
                            "items": {"type": "object", "required": ["kind", "id", "ts"]},
                        },
                    },
                }
            }
        },
    },
    "responses": {
        "202": {
            "description": "On disk; every event of the batch was judged alone.",
            "content": {
                "application/json": {
                    "schema": {
                        "type": "object",
                        "required": ["accepted", "duplicates", "refused"],
                        "properties": {
                            "accepted": {"type": "integer"},
                            "duplicates": {"type": "integer"},
                            "refused": {
                                "type": "array",
                                "items": {
                                    "type": "object",
                                    "properties": {
                                        "index": {"type": "integer"},
                                        "code": {"type": "string"},
                                        "message": {"type": "string"},
                                    },
                                },
                            },
                        },
                    }
                }
            },
        }
    },
}


@blueprint.route("/v1/events", methods=["POST"])
@blueprint.doc(**_DOC)
@require_key(CLIENT, SERVER, ADMIN, in_query=True)
def record() -> Response:
    """Record a batch of events."""
    platform = current_platform()
    is_public, batch = g.key.kind == CLIENT, read_batch(request)
    project = g.key.project_key
    done = events.record(
        platform.intake,
        project,
        batch,
        now=platform.clock(),
        is_public=is_public,
        suppression=platform.doorkeeper.find(project),
        arrivals=platform.arrivals,
    )
    refused = [{"index": each.index, "code": each.code, "message": each.message} for each in done.refused]
    answer = {"accepted": done.receipt.accepted, "duplicates": done.receipt.duplicates, "refused": refused}
    return Response(orjson.dumps(answer), 202, content_type="application/json")
