"""POST /v1/decide: decisions for callers without an SDK, who share the ledger of assignments."""

from __future__ import annotations

import orjson
from flask import Response, g
from flask_smorest import Blueprint
from werkzeug.exceptions import BadRequest

from abplat.api.auth import KEY_IN_QUERY, require_key
from abplat.api.parser import INGEST_LIMIT, read_body
from abplat.api.session import current_platform
from abplat.services import decisions, sticky_decisions
from abplat.services.sticky_decisions import Caller

blueprint = Blueprint("decide", __name__, description="Which variant a unit gets.")

_NULLABLE_OBJECT = {"type": ["object", "null"]}
_DECISION = {
    "type": "object",
    "required": ["key", "variant", "payload", "in_experiment", "reason", "bucket", "config_version", "unit"],
    "properties": {
        "key": {"type": "string"},
        "variant": {"type": ["string", "null"]},
        "payload": {},
        "in_experiment": {"type": "boolean", "description": "Only then may an exposure be recorded"},
        "reason": {"type": "string"},
        "bucket": {"type": ["integer", "null"]},
        "config_version": {"type": "string"},
        "unit": {"type": "string"},
        "unit_type": {"type": "string"},
        "hash_version": {"type": "integer"},
    },
}
_DOC = {
    "operationId": "decide",
    "parameters": [KEY_IN_QUERY],
    "summary": "Decide experiments for one unit",
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "description": "unit, identity_token or both are needed",
                    "anyOf": [{"required": ["unit"]}, {"required": ["identity_token"]}],
                    "additionalProperties": False,
                    "properties": {
                        "unit": {
                            "anyOf": [
                                {"type": "string", "minLength": 1, "maxLength": 256},
                                {"type": "integer"},
                            ]
                        },
                        "identity_token": {"type": ["string", "null"]},
                        "attributes": _NULLABLE_OBJECT,
                        "pins": {**_NULLABLE_OBJECT, "additionalProperties": {"type": "string"}},
                        "channel": {"type": ["string", "null"]},
                        "keys": {
                            "type": ["array", "null"],
                            "items": {"type": "string"},
                            "maxItems": decisions.MAX_KEYS,
                        },
                    },
                }
            }
        },
    },
    "responses": {
        "200": {
            "description": "One decision per experiment.",
            "content": {
                "application/json": {
                    "schema": {
                        "type": "object",
                        "required": ["unit", "config_version", "decisions"],
                        "properties": {
                            "unit": {"type": "string"},
                            "config_version": {"type": "string"},
                            "decisions": {"type": "object", "additionalProperties": _DECISION},
                            "not_enrolled": {
                                "type": "array",
                                "items": {"type": "string"},
                                "description": "Experiments that do not take in this id: several customers share it",
                            },
                        },
                    }
                }
            },
        }
    },
}


@blueprint.route("/v1/decide", methods=["POST"])
@blueprint.doc(**_DOC)
@require_key("client", "server", "admin", in_query=True)
def decide() -> Response:
    """Decide experiments for one unit."""
    platform, caller = current_platform(), Caller(g.key.project_key, g.key.kind)
    question = decisions.parse_question(_read())
    decided = sticky_decisions.decide(platform, caller, question)
    answer = {
        "unit": decided.unit,
        "config_version": platform.configurations.evaluator(caller.project).version,
        "decisions": {key: decision._asdict() for key, decision in decided.decisions.items()},
    }
    if decided.not_enrolled:
        answer["not_enrolled"] = decided.not_enrolled
    return Response(
        orjson.dumps(answer), content_type="application/json", headers={"Cache-Control": "no-store"}
    )


def _read() -> object:
    """Return the body. Unlike elsewhere NUL is welcome: a unit is hashed here, not stored."""
    try:
        return orjson.loads(read_body(INGEST_LIMIT, plain=True))
    except orjson.JSONDecodeError as error:
        raise BadRequest(f"the body is not JSON: {error}") from error
