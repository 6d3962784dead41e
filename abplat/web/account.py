"""The page of one's own account: password, sessions, tokens and mails."""

from __future__ import annotations

from typing import Any, cast

from flask import Blueprint, Response, redirect, render_template, request

from abplat.domain.passwords import SHORTEST
from abplat.domain.roles import VIEWER
from abplat.errors import AbplatError, InvalidInputError, LimitExceededError, NotAuthenticatedError
from abplat.services import people, projects, sign_in, tokens, web_sessions
from abplat.web.door import current_person, is_local, require_role
from abplat.web.visitors import current_visitor, session_token, set_session
from abplat.web.writing import current_platform, open_writer


def add_pages(pages: Blueprint) -> None:
    """Put the pages under their addresses."""
    pages.add_url_rule("/account", "show_account", show_account)
    for name, view in (
        ("password", change_password),
        ("sessions", end_session),
        ("tokens", make_token),
        ("tokens/revoke", revoke_token),
        ("mails", set_mails),
    ):
        pages.add_url_rule(f"/account/{name}", view.__name__, view, methods=["POST"])


@require_role(VIEWER)
def show_account() -> str:
    """Show who one is, and where one is signed in."""
    return _render()


@require_role(VIEWER)
def change_password() -> Any:
    """Change the password; everywhere else one is signed out."""
    person, form = current_person(), request.form
    try:
        opened = sign_in.change_password(
            current_platform(), person.id, form.get("old", ""), form.get("password", ""), current_visitor()
        )
    except (InvalidInputError, NotAuthenticatedError, LimitExceededError) as error:
        return _render(**_say(error)), 422
    return set_session(cast("Response", redirect("/account?done=password", 303)), opened)


@require_role(VIEWER)
def end_session() -> Any:
    """Sign out somewhere else, or everywhere else."""
    person, name = current_person(), request.form.get("name", "")
    with open_writer() as session:
        if name:
            web_sessions.end_named(session, person.id, name)
        else:
            web_sessions.end_all(session, person.id, but=session_token())
    return redirect("/account?done=sessions", 303)


@require_role(VIEWER)
def make_token() -> Any:
    """Make a personal token and show it, once."""
    days = request.form.get("days", "")
    document = {
        "project": request.form.get("project"),
        "title": request.form.get("title"),
        "days": int(days) if days.isdecimal() and len(days) < 5 else days,
    }
    try:
        with open_writer() as session:
            _, token = tokens.create(session, current_person(), document, now=current_platform().clock())
    except InvalidInputError as error:
        return _render(**_say(error)), 422
    return _render(token=token)


@require_role(VIEWER)
def revoke_token() -> Any:
    """Make a token useless."""
    with open_writer() as session:
        selector, now = request.form.get("selector", ""), current_platform().clock()
        tokens.revoke(session, current_person().id, selector, now=now)
    return redirect("/account?done=tokens", 303)


@require_role(VIEWER)
def set_mails() -> Any:
    """Say of which projects one wants alarms by mail."""
    person, wanted = current_person(), set(request.form.getlist("project"))
    with open_writer() as session:
        for project in person.roles:
            people.set_mails(session, project, person.id, wanted=project in wanted)
    return redirect("/account?done=mails", 303)


_DONE = {
    "password": "Your password is changed, and you are signed out everywhere else.",
    "sessions": "Signed out there.",
    "tokens": "The token is useless from now on.",
    "mails": "Kept.",
}


def _render(**over: Any) -> str:
    """Make the page."""
    person, platform = current_person(), current_platform()
    if is_local():
        return render_template("account_local.html")
    with platform.sessions() as session:
        visible = [row for row in projects.list_(session) if person.role_in(row["key"])]
        shown: dict[str, Any] = {
            "sessions": web_sessions.list_(session, person.id, now=platform.clock(), current=session_token()),
            "tokens": tokens.list_(session, person.id, now=platform.clock()),
            "mails": people.list_mails(session, person.id),
            "has_password": people.describe_user(people.get_user(session, person.id))["has_password"],
        }
    notice = _DONE.get(request.args.get("done", ""))
    return render_template(
        "account.html", projects=visible, shortest=SHORTEST, notice=notice, **{"faults": {}, **shown, **over}
    )


def _say(error: AbplatError) -> dict[str, Any]:
    """Return what the page says of a failed change."""
    faults = {problem.path: problem.message for problem in error.problems}
    return {"faults": faults, "error": None if faults else error.message}
