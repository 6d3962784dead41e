"""Which pages of other origins may talk to the platform, and to which of its routes.

Only routes that a client key opens are named here; none of them reads a cookie, so no answer allows
credentials. An origin that is not listed may still send what needs no leave asked, such as a beacon: a
browser keeps the answer from it, and the key alone decides whether the platform takes it.
"""

from __future__ import annotations

import re
from typing import Final

from flask import Flask, Response, request

from abplat.errors import InvalidInputError

ROUTES: Final = frozenset({"/v1/events", "/v1/decide", "/v1/identify", "/sdk/v1/config"})
PREFIX: Final = "/ofrep/v1/"
"""OpenFeature's clients for pages ask below here."""

PREFLIGHT_SECONDS: Final = 600
_ORIGIN = re.compile(r"https?://[a-z0-9.-]+(:[0-9]{1,5})?|https?://\[[0-9a-f:]+\](:[0-9]{1,5})?")
_HEADERS = "authorization, content-type, content-encoding, if-none-match, x-api-key"
_EXPOSED = "ETag, Retry-After, X-Request-Id"


def parse_origins(text: str) -> frozenset[str]:
    """Read the setting: origins between commas, or ``*`` for any.

    Raises:
        InvalidInputError: If one is no origin; a path or a slash at its end is a common slip.

    Examples:
        >>> sorted(parse_origins("https://shop.example, https://m.shop.example"))
        ['https://m.shop.example', 'https://shop.example']
    """
    origins = frozenset(part.strip() for part in text.split(",") if part.strip())
    for origin in origins - {"*"}:
        if not _ORIGIN.fullmatch(origin):
            example = "write scheme, host and port as a browser does, such as https://shop.example"
            raise InvalidInputError.at(
                "ABPLAT_ALLOWED_ORIGINS", f"{origin!r} is no origin; {example}", "bad_setting"
            )
    return origins


def init_cors(app: Flask, allowed_origins: str) -> None:
    """Let the pages of some origins use the public routes.

    Raises:
        InvalidInputError: If the setting names what is no origin.
    """
    origins = parse_origins(allowed_origins)

    def allow(response: Response) -> Response:
        """Tell a browser that the page may read the answer."""
        if _is_public():
            response.vary.add("Origin")
            if _is_allowed(origins):
                response.headers["Access-Control-Allow-Origin"] = request.headers["Origin"]
                response.headers["Access-Control-Expose-Headers"] = _EXPOSED
        return response

    def answer_preflight() -> Response | None:
        """Answer the question that a browser asks before the request proper."""
        asks = request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers
        if not (asks and _is_public() and _is_allowed(origins)):
            return None
        return Response(
            status=204,
            headers={
                "Access-Control-Allow-Methods": "GET, POST",
                "Access-Control-Allow-Headers": _HEADERS,
                "Access-Control-Max-Age": str(PREFLIGHT_SECONDS),
            },
        )

    app.before_request(answer_preflight)
    app.after_request(allow)


def _is_public() -> bool:
    """Say whether pages of other origins have any business at this path."""
    return request.path in ROUTES or request.path.startswith(PREFIX)


def _is_allowed(origins: frozenset[str]) -> bool:
    """Say whether the page's origin is listed; the opaque origin ``null`` never is."""
    origin = request.headers.get("Origin", "")
    return origin in origins or ("*" in origins and _ORIGIN.fullmatch(origin) is not None)
