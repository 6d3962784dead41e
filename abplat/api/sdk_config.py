"""GET /sdk/v1/config: the configuration that SDKs decide from. Strong ETag, 304, gzip."""

from __future__ import annotations

import gzip
from typing import Any

import orjson
from flask import Response, g, request
from flask_smorest import Blueprint

from abplat.api.auth import require_key
from abplat.api.session import current_platform
from abplat.services.decisions import hide_identifiers

blueprint = Blueprint("sdk_config", __name__, description="What SDKs decide from.")

_MIN_COMPRESSED = 512
_DOC = {
    "operationId": "get_sdk_configuration",
    "summary": "Fetch the configuration document",
    "responses": {
        "200": {
            "description": "The document. A client key gets identifiers hashed.",
            "headers": {"ETag": {"schema": {"type": "string"}}},
            "content": {"application/json": {"schema": {"type": "object"}}},
        },
        "304": {"description": "Nothing has changed since the ETag sent in If-None-Match."},
    },
}


@blueprint.route("/sdk/v1/config", methods=["GET"])
@blueprint.doc(**_DOC)
@require_key("client", "server", "admin")
def get_config() -> Response:
    """Fetch the configuration document."""
    document = current_platform().configurations.document(g.key.project_key)
    audience = "public" if g.key.kind == "client" else "whole"
    tag = f"{document['version']}.{audience}"
    held = [known for known in (tag, f"{tag}.gzip") if request.if_none_match.contains_weak(known)]
    response = Response(status=304) if held else _respond(document, tag)
    if held:
        response.set_etag(held[0])
    response.headers["Cache-Control"] = "private, no-cache"
    response.headers["Vary"] = "Accept-Encoding, Authorization, X-API-Key"
    return response


def _respond(document: dict[str, Any], tag: str) -> Response:
    """Render the document; bytes that differ carry tags that differ."""
    body = orjson.dumps(document if tag.endswith(".whole") else hide_identifiers(document))
    is_compressed = len(body) >= _MIN_COMPRESSED and request.accept_encodings["gzip"] > 0
    response = Response(
        gzip.compress(body, 6, mtime=0) if is_compressed else body, content_type="application/json"
    )
    if is_compressed:
        response.headers["Content-Encoding"] = "gzip"
    response.set_etag(f"{tag}.gzip" if is_compressed else tag)
    return response
