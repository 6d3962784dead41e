"""The page of webhooks and of what was sent."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for

from abplat.domain.notices import EVENTS, MEANINGS
from abplat.domain.roles import ADMIN
from abplat.errors import InvalidInputError
from abplat.services import mail, projects, webhooks
from abplat.web.door import require_role
from abplat.web.writing import current_platform, open_writer


def add_pages(pages: Blueprint) -> None:
    """Put the pages under their addresses."""
    place = "/projects/<project>/webhooks"
    pages.add_url_rule(place, "list_webhooks", list_webhooks)
    pages.add_url_rule(place, "add_webhook", add_webhook, methods=["POST"])
    pages.add_url_rule(f"{place}/<int:number>/test", "try_webhook", try_webhook, methods=["POST"])
    pages.add_url_rule(f"{place}/<int:number>/remove", "remove_webhook", remove_webhook, methods=["POST"])


@require_role(ADMIN)
def list_webhooks(project: str) -> str:
    """Show where messages go, and what became of the last ones."""
    return _render(project)


@require_role(ADMIN)
def add_webhook(project: str) -> Any:
    """Add a webhook and show its secret, once."""
    form = request.form
    document = {"url": form.get("url"), "events": form.getlist("events")}
    try:
        with open_writer() as session:
            created = webhooks.create(session, project, document, now=current_platform().clock())
    except InvalidInputError as error:
        faults = {problem.path.partition("[")[0]: problem.message for problem in error.problems}
        return _render(project, faults=faults, given=form), 422
    return _render(project, created=created)


@require_role(ADMIN)
def try_webhook(project: str, number: int) -> Any:
    """Send a test message."""
    with open_writer() as session:
        webhooks.try_out(session, project, number, now=current_platform().clock())
    return redirect(url_for("pages.list_webhooks", project=project, _anchor="log"), 303)


@require_role(ADMIN)
def remove_webhook(project: str, number: int) -> Any:
    """Take a webhook out of use."""
    with open_writer() as session:
        webhooks.remove(session, project, number, now=current_platform().clock())
    return redirect(url_for("pages.list_webhooks", project=project), 303)


def _render(project: str, **over: Any) -> str:
    """Make the page."""
    platform = current_platform()
    with platform.sessions() as session:
        title = projects.get(session, project)["title"]
        hooks = webhooks.list_(session, project)
        log = webhooks.list_deliveries(session, project)
    shown = {"faults": {}, "given": {}, "created": None, **over}
    return render_template(
        "webhooks.html", project=project, project_title=title, hooks=hooks, log=log, meanings=MEANINGS,
        events=EVENTS, has_mail=mail.is_set_up(platform.settings), **shown,
    )  # fmt: skip
