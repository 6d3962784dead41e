"""The session of a request: one transaction, ended here and nowhere else.

A request that may write takes its turn on SQLite when the session is first used, so it must not
wait for the intake afterwards: submit events first, then touch the session.
"""

from __future__ import annotations

from flask import Flask, Response, current_app, g, request
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from abplat.api.errors import render
from abplat.db.engine import translate
from abplat.services import audit
from abplat.services.platform import Platform

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def current_platform() -> Platform:
    """Return the platform of the running app."""
    platform: Platform = current_app.extensions["abplat"]
    return platform


def current_session() -> Session:
    """Return the session of this request, opened when it is first asked for."""
    if "session" not in g:
        platform = current_platform()
        g.session = (platform.sessions if request.method in _SAFE_METHODS else platform.writers)()
        key = g.get("key")
        if key is not None:
            audit.act_as(g.session, key.actor, request.remote_addr)
    session: Session = g.session
    return session


def init_sessions(app: Flask) -> None:
    """Commit after a good answer, roll back after any other, close always."""
    app.after_request(_finish)
    app.teardown_request(_close)


def _finish(response: Response) -> Response:
    """End the transaction of the request; an answer is good only if its commit was."""
    session: Session | None = g.get("session")
    if session is None or request.method in _SAFE_METHODS:
        return response
    if response.status_code >= 400:
        session.rollback()
        return response
    try:
        session.commit()
    except OperationalError as error:
        session.rollback()
        return render(translate(error.orig or error))
    _forget_what_was_held()
    return response


def _forget_what_was_held() -> None:
    """Let decisions see at once what this process has just changed."""
    key = g.get("key")
    if key is not None:
        current_platform().forget(key.project_key)


def _close(_error: BaseException | None) -> None:
    """Give the connection back; what was not committed is gone."""
    session: Session | None = g.pop("session", None)
    if session is not None:
        session.close()
