"""GET /sdk/abplat.js: the SDK as one file for pages, built from sdk/js and carried in this package."""

from __future__ import annotations

import gzip
import hashlib
from pathlib import Path
from typing import Final

from flask import Blueprint, Response, request

blueprint = Blueprint("sdk_file", __name__)

_PLAIN: Final = (Path(__file__).parents[1] / "web" / "static" / "abplat.js").read_bytes()
_PACKED: Final = gzip.compress(_PLAIN, 9, mtime=0)
VERSION: Final = hashlib.sha256(_PLAIN).hexdigest()[:12]
"""Changes with the content: a page that names it as ``?v=`` may keep the file for ever."""

_FOR_EVER = "public, max-age=31536000, immutable"
_FOR_A_WHILE = "public, max-age=300"


@blueprint.get("/sdk/abplat.js")
def get_sdk_file() -> Response:
    """Answer the file to any page: there is nothing secret in it."""
    packed = request.accept_encodings["gzip"] > 0
    tag = f"{VERSION}.gzip" if packed else VERSION
    known = request.if_none_match.contains_weak(tag)
    response = Response(status=304) if known else Response(_PACKED if packed else _PLAIN)
    response.content_type = "text/javascript; charset=utf-8"
    if packed and not known:
        response.headers["Content-Encoding"] = "gzip"
    response.set_etag(tag)
    response.headers["Cache-Control"] = _FOR_EVER if request.args.get("v") == VERSION else _FOR_A_WHILE
    response.headers["Vary"] = "Accept-Encoding"
    response.headers["Access-Control-Allow-Origin"] = "*"  # so that a page can demand its integrity
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response
