"""What the OpenAPI document says of the OpenFeature Remote Evaluation Protocol."""

from __future__ import annotations

from typing import Any, Final

_METADATA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": {"type": ["string", "number", "boolean"]},
    "description": "experimentId, inExperiment, decisionReason, bucket, version, contextId, flagSetId, exposed",
}
_FLAG: dict[str, Any] = {
    "type": "object",
    "required": ["key", "reason", "variant", "metadata"],
    "properties": {
        "key": {"type": "string"},
        "reason": {"type": "string", "enum": ["STATIC", "TARGETING_MATCH", "SPLIT", "DISABLED"]},
        "variant": {"type": "string"},
        "value": {"description": "Left out where the variant leaves it to the default in the code"},
        "metadata": _METADATA,
    },
}
_FAILURE: dict[str, Any] = {
    "type": "object",
    "required": ["errorCode", "errorDetails"],
    "properties": {
        "key": {"type": "string"},
        "errorCode": {
            "type": "string",
            "enum": ["PARSE_ERROR", "TARGETING_KEY_MISSING", "INVALID_CONTEXT", "FLAG_NOT_FOUND", "GENERAL"],
        },
        "errorDetails": {"type": "string"},
    },
}
_BODY: dict[str, Any] = {
    "required": True,
    "content": {
        "application/json": {
            "schema": {
                "type": "object",
                "required": ["context"],
                "properties": {
                    "context": {
                        "type": "object",
                        "required": ["targetingKey"],
                        "properties": {
                            "targetingKey": {"type": "string", "minLength": 1, "maxLength": 256},
                            "channel": {"type": "string", "description": "Chooses the payload"},
                            "abplatPins": {"type": "object", "additionalProperties": {"type": "string"}},
                            "abplatExpose": {"type": "boolean"},
                            "abplatLedger": {"type": "boolean", "default": True},
                            "abplatIdentityToken": {"type": "string"},
                        },
                    }
                },
            }
        }
    },
}


def _answers(description: str, schema: dict[str, Any]) -> dict[str, Any]:
    """Return an answer in JSON."""
    return {"description": description, "content": {"application/json": {"schema": schema}}}


_FAILURES = {
    "400": _answers("The body or the context cannot be read.", _FAILURE),
    "401": _answers("No key, or not a good one.", _FAILURE),
    "413": _answers("The body is larger than 1 MiB.", _FAILURE),
    "429": _answers("Too many requests; Retry-After says whole seconds.", _FAILURE),
    "default": _answers("Any other failure.", _FAILURE),
}
SINGLE: Final[dict[str, Any]] = {
    "operationId": "ofrep_evaluate_flag",
    "summary": "Evaluate one flag",
    "parameters": [
        {
            "in": "header",
            "name": "X-Abplat-Expose",
            "schema": {"type": "string", "enum": ["true"]},
            "description": "With a server key: record the exposure",
        }
    ],
    "requestBody": _BODY,
    "responses": {
        "200": _answers("The variant of the unit.", _FLAG),
        "404": _answers("There is no such flag.", _FAILURE),
        **_FAILURES,
    },
}
BULK: Final[dict[str, Any]] = {
    "operationId": "ofrep_evaluate_flags",
    "summary": "Evaluate every flag",
    "parameters": [
        {"in": "header", "name": "If-None-Match", "schema": {"type": "string"}},
        {"in": "query", "name": "flagConfigEtag", "schema": {"type": "string"}},
        {"in": "query", "name": "flagConfigLastModified", "schema": {"type": "string"}},
    ],
    "requestBody": _BODY,
    "responses": {
        "200": {
            **_answers(
                "Every flag for the unit.",
                {
                    "type": "object",
                    "required": ["flags", "metadata"],
                    "properties": {"flags": {"type": "array", "items": _FLAG}, "metadata": _METADATA},
                },
            ),
            "headers": {"ETag": {"schema": {"type": "string"}}},
        },
        "304": {"description": "The answer is the one whose ETag was sent in If-None-Match."},
        **_FAILURES,
    },
}
