"""Forms of pages: each carries a token, and comes from a page of ours (no request forged elsewhere is obeyed)."""

from __future__ import annotations

import hmac
import secrets
from typing import Final
from urllib.parse import urlsplit

from flask import Response, current_app, g, request
from werkzeug.exceptions import BadRequest

FIELD: Final = "form_token"
"""Name of the hidden field; ``{{ token_field() }}`` writes it."""
COOKIE: Final = "abplat_form"
SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})


def form_token() -> str:
    """Return the token for the forms of this visitor: of their session, else of a cookie of the browser."""
    if "form_token" not in g:
        sent = request.cookies.get(COOKIE, "")
        g.form_token = g.get("session_token") or (sent if len(sent) == 64 else secrets.token_hex(32))
        g.sends_form_cookie = "session_token" not in g and g.form_token != sent
    return str(g.form_token)


def check_form() -> None:
    """Refuse a form that no page of ours has made.

    Raises:
        BadRequest: If it comes from elsewhere, or without the token.
    """
    expected = g.get("session_token") or request.cookies.get(COOKIE, "")
    sent = request.form.get(FIELD, "") or request.headers.get("X-Form-Token", "")
    if not _is_own_origin() or not expected or not hmac.compare_digest(sent.encode(), expected.encode()):
        raise BadRequest("this form is too old or was not made here; open the page again and send it again")


def keep_form_token(response: Response) -> Response:
    """Give a browser without a session the cookie that goes with its forms."""
    if g.get("sends_form_cookie"):
        response.set_cookie(COOKIE, g.form_token, httponly=True, samesite="Lax", secure=is_secure(), path="/")
    return response


def is_secure() -> bool:
    """Tell whether the browser speaks https with us."""
    return request.is_secure or public_url().startswith("https:")


def public_url() -> str:
    """Return the address at which people reach this installation."""
    platform = current_app.extensions.get("abplat")
    named = platform.settings.public_url if platform else ""
    return str(named or request.host_url).rstrip("/")


def _is_own_origin() -> bool:
    """Tell whether the browser says that the form was sent from here; old ones say nothing."""
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        return False
    origin = request.headers.get("Origin")
    if origin is None:
        return True
    own = {urlsplit(each).netloc for each in (public_url(), request.host_url)}
    return urlsplit(origin).netloc in own
