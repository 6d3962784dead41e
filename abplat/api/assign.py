"""POST /v1/assign: the variants of many units, for mailings and exports of other systems."""

from __future__ import annotations

import orjson
from flask import Response, g
from flask_smorest import Blueprint
from werkzeug.exceptions import BadRequest

from abplat.api.auth import require_key
from abplat.api.parser import ADMIN_LIMIT, read_body
from abplat.api.session import current_platform
from abplat.domain.keys import ADMIN, SERVER
from abplat.services import bulk, standings

blueprint = Blueprint("assign", __name__, description="Which variants many units get.")

_UNIT = {"anyOf": [{"type": "string", "minLength": 1, "maxLength": 256}, {"type": "integer"}]}
_ASSIGNMENT = {
    "type": "object",
    "required": ["unit", "variant", "in_experiment", "reason", "bucket"],
    "properties": {
        "unit": {"type": "string"},
        "variant": {"type": "string"},
        "in_experiment": {"type": "boolean", "description": "Only then may an exposure be recorded"},
        "reason": {"type": "string"},
        "bucket": {"type": ["integer", "null"]},
    },
}
_DOC = {
    "operationId": "assign",
    "summary": "Assign many units in one experiment",
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["experiment", "units"],
                    "additionalProperties": False,
                    "properties": {
                        "experiment": {"type": "string"},
                        "units": {
                            "type": "array",
                            "minItems": 1,
                            "maxItems": bulk.MAX_UNITS,
                            "items": _UNIT,
                        },
                        "attributes": {
                            "anyOf": [
                                {"type": ["object", "null"]},
                                {"type": "array", "items": {"type": "object"}},
                            ],
                            "description": "One object for all units, or one per unit",
                        },
                        "channel": {"type": ["string", "null"]},
                    },
                }
            }
        },
    },
    "responses": {
        "200": {
            "description": "One assignment per unit, in their order.",
            "content": {
                "application/json": {
                    "schema": {
                        "type": "object",
                        "required": ["experiment", "config_version", "payloads", "assignments"],
                        "properties": {
                            "experiment": {"type": "string"},
                            "config_version": {"type": "string"},
                            "payloads": {
                                "type": "object",
                                "description": "Payload of each variant for the channel",
                            },
                            "assignments": {"type": "array", "items": _ASSIGNMENT},
                        },
                    }
                }
            },
        }
    },
}


@blueprint.route("/v1/assign", methods=["POST"])
@blueprint.doc(**_DOC)
@require_key(SERVER, ADMIN)
def assign() -> Response:
    """Assign many units in one experiment."""
    question = bulk.parse_question(_read())
    platform = current_platform()
    evaluator = platform.configurations.evaluator(g.key.project_key)
    with platform.engine.connect() as connection:
        find = standings.make_finder(platform, connection, g.key.project_key)
        answer = bulk.assign(evaluator, connection, question, find)
    return Response(orjson.dumps(answer), content_type="application/json")


def _read() -> object:
    """Return the body. Unlike elsewhere NUL is welcome: a unit is hashed here, not stored."""
    try:
        return orjson.loads(read_body(ADMIN_LIMIT))
    except orjson.JSONDecodeError as error:
        raise BadRequest(f"the body is not JSON: {error}") from error
