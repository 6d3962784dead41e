"""The page of one customer: what happened to them, why they see what they see, and what they may ask of us.

The id is sent in the body, every look-up is audited, and no cache keeps an answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for

from abplat.domain.roles import ADMIN, ANALYST
from abplat.errors import InvalidInputError, NotFoundError
from abplat.services import channels, customer_timelines, customers, projects
from abplat.services.contexts import Inquiry
from abplat.services.customer_timelines import ASSIGNMENT, CONFLICT, IDENTITY, JOURNEY, TOUCHPOINT
from abplat.services.sticky_decisions import Caller
from abplat.web.door import current_person, may, require_role
from abplat.web.why_words import say_why
from abplat.web.wording import Word
from abplat.web.writing import current_platform, open_writer

KINDS: Final = {
    ASSIGNMENT: Word("Assignment", "check", "good"),
    CONFLICT: Word("Gave way", "conflict", "warn"),
    IDENTITY: Word("Identity", "info", "calm"),
    JOURNEY: Word("Journey", "up", "good"),
    TOUCHPOINT: Word("Touchpoint", "dash", "calm"),
}
_SERVER: Final = "server"
_MOST_REQUESTS: Final = 20
_SENTENCES: Final = {customers.ERASE: "erase everything", customers.EXPORT: "make a copy of everything"}


def add_pages(pages: Blueprint) -> None:
    """Put the pages under their addresses."""
    place = "/projects/<project>/customers"
    pages.add_url_rule(place, view_func=show_customers)
    pages.add_url_rule(place, view_func=look_up_customer, methods=["POST"])
    pages.add_url_rule(f"{place}/requests", view_func=request_of_customer, methods=["POST"])
    pages.add_url_rule(f"{place}/requests/<request_id>/copy", view_func=download_copy)


@require_role(ANALYST)
def show_customers(project: str) -> Response:
    """Ask whom to look up; show administrators what was asked of us lately."""
    return _render(project)


@require_role(ANALYST)
def look_up_customer(project: str) -> Any:
    """Show what happened to a customer."""
    typed_id, channel = request.form.get("id", "").strip(), request.form.get("channel") or None
    inquiry = Inquiry(Caller(project, _SERVER), current_person().actor, typed_id, None, channel)
    try:
        found = customer_timelines.get_timeline(current_platform(), inquiry)
    except InvalidInputError as error:
        return _render(project, typed_id=typed_id, channel=channel, fault=_say(error)), 422
    answers = sorted(map(say_why, found["why"]), key=lambda each: (not each.since, not each.is_in))
    return _render(project, typed_id=typed_id, channel=channel, found=found, answers=answers)


@require_role(ADMIN)
def request_of_customer(project: str) -> Any:
    """Erase a customer or copy what is kept of them; asked for twice, done once."""
    form = request.form
    kind = form.get("kind", "")
    if kind not in customers.KINDS:
        raise InvalidInputError.at("kind", "choose erase or export", "bad_choice")
    asked = {"id": form.get("id", "").strip(), "reason": form.get("reason", "").strip()}
    if form.get("confirm") != "yes":
        return _confirm(project, kind, asked)
    try:
        with open_writer() as session:
            taken = customers.request(session, project, kind, asked, now=current_platform().clock())
    except InvalidInputError as error:
        return _confirm(project, kind, asked, _say(error)), 422
    return redirect(url_for("pages.show_customers", project=project, asked=taken["id"]), 303)


@require_role(ADMIN)
def download_copy(project: str, request_id: str) -> Response:
    """Hand out the copy that an export made."""
    with current_platform().sessions() as session:
        text = customers.get_copy(session, project, request_id)
    if text is None:
        raise NotFoundError("this request has no copy: it is not done yet, or more than a day old")
    response = Response(text, content_type="application/json")
    response.headers["Cache-Control"] = "no-store"
    response.headers.set("Content-Disposition", "attachment", filename=f"customer-{request_id}.json")
    return response


def _render(project: str, **over: Any) -> Response:
    """Make the page, which no cache may keep."""
    with current_platform().sessions() as session:
        title = projects.get(session, project).get("title") or project
        is_admin = may(ADMIN, project)
        requests = customers.list_(session, project, limit=_MOST_REQUESTS) if is_admin else []
        known = channels.list_(session, project, limit=200).items
    shown: dict[str, Any] = {
        "typed_id": "", "channel": None, "fault": "", "found": None, "answers": (), **over,
    }  # fmt: skip
    asked = request.args.get("asked", "")
    return _private(
        "customers.html",
        project=project,
        project_title=title,
        channels=[("", "no particular one"), *((row["key"], row["title"]) for row in known)],
        requests=requests,
        notice="It is taken; the worker does it now."
        if any(asked == row["id"] for row in requests)
        else None,
        kinds=KINDS,
        **shown,
    )


def _confirm(project: str, kind: str, asked: Mapping[str, str], fault: str = "") -> Response:
    """Ask once more, with the reason that the audit trail will hold."""
    return _private(
        "customer_request.html", project=project, kind=kind, asked=asked, fault=fault, deed=_SENTENCES[kind]
    )


def _private(template: str, **values: Any) -> Response:
    """Make a page that no cache may keep."""
    response = make_response(render_template(template, **values))
    response.headers["Cache-Control"] = "no-store"
    return response


def _say(error: InvalidInputError) -> str:
    """Say what is wrong with what was typed."""
    return "; ".join(f"{problem.path}: {problem.message}" for problem in error.problems) or error.message
