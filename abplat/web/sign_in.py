"""Pages of the door: signing in and out, and one-time links."""

from __future__ import annotations

from typing import Any, cast

from flask import Blueprint, Response, make_response, redirect, render_template, request

from abplat.domain.passwords import SHORTEST
from abplat.errors import AbplatError, InvalidInputError, LimitExceededError, NotAuthenticatedError
from abplat.services import links, people, sign_in, web_sessions
from abplat.web.door import OPEN, find_person, is_local, require_role
from abplat.web.visitors import clear_session, current_visitor, session_token, set_session
from abplat.web.writing import current_platform

_PURPOSES = (links.FIRST, links.INVITE, links.PASSWORD)


def add_pages(pages: Blueprint) -> None:
    """Put the pages under their addresses."""
    pages.add_url_rule("/sign-in", "sign_in", show_sign_in)
    pages.add_url_rule("/sign-in", "send_sign_in", send_sign_in, methods=["POST"])
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
    return render_template("sign_in.html", next=wanted, **over)


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
