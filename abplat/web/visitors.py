"""Who the browser belongs to: the cookie of a session, looked up in the database on every request."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from flask import Response, g, request

from abplat.domain.people import Person
from abplat.services import people, web_sessions
from abplat.services.web_sessions import Opened, Visitor
from abplat.web.forms import is_secure
from abplat.web.writing import current_platform

_PLAIN: Final = "abplat_session"
_SECURE: Final = "__Host-abplat_session"
_SEEN_STEP: Final = web_sessions.SEEN_STEP


def find_signed_in() -> Person | None:
    """Return whose session the cookie names, if it is still good."""
    token = session_token()
    if len(token) != 64:
        return None
    platform = current_platform()
    now = platform.clock()
    with platform.sessions() as session:
        found = web_sessions.find(session, token, now=now)
        if found is None:
            return None
        row, user = found
        person = people.describe_person(session, user)
    g.session_token = row.form_token
    _note_use(row.token_hash, row.seen_at, now)
    return person


def session_token() -> str:
    """Return the token that the browser sent, if any."""
    return request.cookies.get(_name(), "")


def set_session(response: Response, opened: Opened) -> Response:
    """Give the browser the cookie of its session."""
    response.set_cookie(
        _name(),
        opened.token,
        max_age=int(web_sessions.LONGEST.total_seconds()),
        httponly=True,
        samesite="Lax",
        secure=is_secure(),
        path="/",
    )
    return response


def clear_session(response: Response) -> Response:
    """Take the cookie back."""
    response.delete_cookie(_name(), path="/", httponly=True, samesite="Lax", secure=is_secure())
    return response


def current_visitor() -> Visitor:
    """Return where the present request comes from."""
    return Visitor(request.remote_addr or "", request.headers.get("User-Agent", ""))


def _name() -> str:
    """Return the name of the cookie: over https one that no other host and no plain page can set."""
    return _SECURE if is_secure() else _PLAIN


def _note_use(token_hash: str, seen_at: datetime, now: datetime) -> None:
    """Keep a session from growing idle; not more often than is worth a write."""
    if abs(now - seen_at) >= _SEEN_STEP:
        with current_platform().writers.begin() as session:
            web_sessions.touch(session, token_hash, now=now)
