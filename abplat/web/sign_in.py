"""Pages of the door: signing in and out, and one-time links."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any, cast

import msgspec
from flask import Blueprint, Response, make_response, redirect, render_template, request

from abplat.domain.passwords import SHORTEST
from abplat.errors import (
    AbplatError,
    InvalidInputError,
    LimitExceededError,
    NotAllowedError,
    NotAuthenticatedError,
    NotFoundError,
    UnavailableError,
)
from abplat.services import links, oidc, people, sign_in, web_sessions
from abplat.services.oidc import Started
from abplat.web.door import OPEN, find_person, is_local, require_role
from abplat.web.forms import is_secure, public_url
from abplat.web.visitors import clear_session, current_visitor, session_token, set_session
from abplat.web.writing import current_platform

_OIDC_COOKIE = "abplat_oidc"
_PURPOSES = (links.FIRST, links.INVITE, links.PASSWORD)


def add_pages(pages: Blueprint) -> None:
    """Put the pages under their addresses."""
    pages.add_url_rule("/sign-in", "show_sign_in", show_sign_in)
    pages.add_url_rule("/sign-in", "send_sign_in", send_sign_in, methods=["POST"])
    pages.add_url_rule("/sign-in/oidc", "begin_oidc", begin_oidc)
    pages.add_url_rule("/sign-in/oidc/answer", "finish_oidc", finish_oidc)
    pages.add_url_rule("/sign-out", "sign_out", sign_out, methods=["POST"])
    pages.add_url_rule("/welcome/<token>", "show_link", show_link)
    pages.add_url_rule("/welcome/<token>", "use_link", use_link, methods=["POST"])


@require_role(OPEN)
def show_sign_in() -> Any:
    """Ask for address and password."""
    if find_person() is not None:
        return redirect(own_path(request.args.get("next", "")), 303)
    return _render_sign_in()


@require_role(OPEN)
def send_sign_in() -> Any:
    """Sign in, and go on to where they wanted to go."""
    wanted = own_path(request.form.get("next", ""))
    if is_local():
        return redirect(wanted, 303)
    email, password = request.form.get("email", ""), request.form.get("password", "")
    try:
        opened = sign_in.sign_in(current_platform(), email, password, current_visitor())
    except (NotAuthenticatedError, LimitExceededError) as error:
        return _refuse(error, _render_sign_in(error=error.message, email=email))
    _end_previous()
    return set_session(cast("Response", redirect(wanted, 303)), opened)


@require_role(OPEN)
def begin_oidc() -> Any:
    """Send the browser to the provider of identities; what is secret of it stays in a cookie."""
    settings = current_platform().settings
    if not oidc.is_set_up(settings):
        raise NotFoundError("no provider of identities is set up here")
    started = oidc.start(own_path(request.args.get("next", "")))
    try:
        url = oidc.make_url(settings, started, _answer_url())
    except (UnavailableError, NotAllowedError) as error:
        return _render_sign_in(error=error.message), 503
    response = cast("Response", redirect(url, 303))
    kept = urlsafe_b64encode(msgspec.json.encode(started)).decode()
    response.set_cookie(
        _OIDC_COOKIE,
        kept,
        max_age=600,
        httponly=True,
        samesite="Lax",
        secure=is_secure(),
        path="/sign-in/oidc",
    )
    return response


@require_role(OPEN)
def finish_oidc() -> Any:
    """Sign in whoever the provider says it is, if they were invited; a sign-in is finished once."""
    platform = current_platform()
    try:
        started = _read_started()
        now = platform.clock()
        identity = oidc.finish(platform.settings, started, request.args, _answer_url(), now=now)
        with platform.writers.begin() as session:
            links.spend(session, started.state, now=now)
            user = oidc.find_user(session, identity)
            opened = sign_in.enter(session, user, current_visitor(), now=now, how="oidc")
    except (NotAuthenticatedError, NotAllowedError, UnavailableError, InvalidInputError) as error:
        response = make_response(_render_sign_in(error=error.message), 401)
    else:
        _end_previous()
        response = set_session(cast("Response", redirect(own_path(started.next), 303)), opened)
    response.delete_cookie(
        _OIDC_COOKIE, path="/sign-in/oidc", httponly=True, samesite="Lax", secure=is_secure()
    )
    return response


def _read_started() -> Started:
    """Return what the browser kept while it was at the provider.

    Raises:
        NotAuthenticatedError: If it kept nothing.
    """
    try:
        return msgspec.json.decode(urlsafe_b64decode(request.cookies.get(_OIDC_COOKIE, "")), type=Started)
    except (ValueError, msgspec.DecodeError) as error:
        raise NotAuthenticatedError(
            "this browser has not begun a sign-in, or waited too long; begin again"
        ) from error


def _answer_url() -> str:
    """Return where the provider sends the browser back to."""
    return f"{public_url()}/sign-in/oidc/answer"


@require_role(OPEN)
def sign_out() -> Any:
    """End the session, here and in the database."""
    _end_previous()
    return clear_session(cast("Response", redirect("/sign-in", 303)))


@require_role(OPEN)
def show_link(token: str) -> Any:
    """Ask for what a one-time link is for; looking does not use it up."""
    return _render_link(token)


@require_role(OPEN)
def use_link(token: str) -> Any:
    """Use the link up: choose a password and come in."""
    try:
        opened = sign_in.accept_link(current_platform(), token, request.form, current_visitor())
    except InvalidInputError as error:
        return _render_link(token, problems=error.problems or [("", error.message, "")]), 422
    _end_previous()
    return set_session(cast("Response", redirect("/", 303)), opened)


def own_path(wanted: str) -> str:
    """Return a path of ours, whatever was asked for: nobody is sent elsewhere.

    Examples:
        >>> own_path("/projects/shop"), own_path("//evil.example"), own_path("https://evil.example")
        ('/projects/shop', '/', '/')
    """
    is_own = wanted.startswith("/") and not wanted.startswith(("//", "/\\"))
    return wanted if is_own and wanted.isprintable() and "\\" not in wanted else "/"


def _render_sign_in(**over: Any) -> str:
    """Make the page."""
    wanted = own_path(request.values.get("next", ""))
    settings = current_platform().settings
    title = settings.oidc_title if oidc.is_set_up(settings) else ""
    return render_template("sign_in.html", next=wanted, oidc_title=title, **over)


def _refuse(error: AbplatError, page: str) -> Response:
    """Answer a failed try."""
    response = make_response(page, 401 if isinstance(error, NotAuthenticatedError) else 429)
    if isinstance(error, LimitExceededError):
        response.headers["Retry-After"] = str(error.retry_after_s)
    return response


def _render_link(token: str, problems: Any = ()) -> str:
    """Make the page of a link.

    Raises:
        NotFoundError: If it works no more.
    """
    platform = current_platform()
    with platform.sessions() as session:
        row = links.find(session, token, _PURPOSES, now=platform.clock())
        user = people.get_user(session, row.user_id) if row.user_id else None
        purpose = row.purpose
    given = request.form if request.method == "POST" else {}
    faults = {problem[0]: problem[1] for problem in problems}
    return render_template(
        "link.html", token=token, purpose=purpose, user=user, given=given, faults=faults, shortest=SHORTEST
    )


def _end_previous() -> None:
    """End the session that the browser came with."""
    token = session_token()
    if token:
        with current_platform().writers.begin() as session:
            web_sessions.end(session, token)
