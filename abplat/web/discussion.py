"""What people say of an experiment: comments and requests for approval, at the foot of its page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import Blueprint, current_app, redirect, render_template, request, url_for

from abplat.domain.approvals import ACTIONS, GUARDRAILS, MEANINGS, RAMP, STOP, WEIGHTS
from abplat.domain.lifecycle import HOLDING, UNSTARTED
from abplat.domain.roles import ADMIN, EXPERIMENTER, VIEWER
from abplat.errors import InvalidInputError
from abplat.services import approval_gate, approvals, comments, experiments
from abplat.web.door import current_person, may, require_role
from abplat.web.writing import current_platform, open_writer

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Discussion:
    """What the foot of an experiment's page shows."""

    comments: list[Document]
    requests: list[Document]
    askable: list[tuple[str, str]]
    actor: str


def add_pages(pages: Blueprint) -> None:
    """Put the pages under their addresses."""
    place = "/projects/<project>/experiments/<key>"
    pages.add_url_rule(f"{place}/comments", "add_comment", add_comment, methods=["POST"])
    pages.add_url_rule(
        "/projects/<project>/comments/<int:number>/remove", "remove_comment", remove_comment, methods=["POST"]
    )
    pages.add_url_rule(f"{place}/ask", "show_ask", show_ask)
    pages.add_url_rule(f"{place}/ask", "send_ask", send_ask, methods=["POST"])


def find_discussion(project: str, key: str) -> Discussion | None:
    """Return what people say of an experiment; None where there is no database behind the page."""
    if "abplat" not in current_app.extensions:
        return None
    with current_platform().sessions() as session:
        required = approval_gate.required_actions(session, project)
        state = experiments.get(session, project, key)["state"]
        requests = approvals.list_(session, project, experiment=key)
        return Discussion(
            comments=comments.list_(session, project, key),
            requests=requests,
            askable=_list_askable(required, state, requests),
            actor=current_person().actor,
        )


def _list_askable(required: tuple[str, ...], state: str, requests: list[Document]) -> list[tuple[str, str]]:
    """Return what could be asked for now, in words."""
    waiting = {each["action"] for each in requests if each["state"] in ("open", "approved")}
    possible = {WEIGHTS, STOP} if state in HOLDING else set(ACTIONS) - {WEIGHTS, STOP, RAMP}
    if state not in (*UNSTARTED, *HOLDING):
        possible = set()
    return [(each, MEANINGS[each]) for each in required if each in possible - waiting]


@require_role(VIEWER)
def add_comment(project: str, key: str) -> Any:
    """Say something of an experiment."""
    with open_writer() as session:
        body = {"body": request.form.get("body", "").replace("\r\n", "\n")}
        comments.add(session, project, key, body, now=current_platform().clock())
    return _back(project, key, "comments")


@require_role(VIEWER)
def remove_comment(project: str, number: int) -> Any:
    """Take a comment back."""
    with open_writer() as session:
        now, is_admin = current_platform().clock(), may(ADMIN, project)
        removed = comments.remove(session, project, number, now=now, is_admin=is_admin)
    return _back(project, removed["experiment"], "comments")


@require_role(EXPERIMENTER)
def show_ask(project: str, key: str) -> Any:
    """Ask for what: the form of one action."""
    return _render_ask(project, key)


@require_role(EXPERIMENTER)
def send_ask(project: str, key: str) -> Any:
    """Ask for the approval of an action."""
    action = request.form.get("action", "")
    try:
        with open_writer() as session:
            body = _read_body(action, experiments.get(session, project, key))
            document = {"action": action, "note": request.form.get("note") or None, "body": body}
            approvals.ask(session, project, key, document, now=current_platform().clock())
    except InvalidInputError as error:
        return _render_ask(project, key, error=error), 422
    return _back(project, key, "approvals")


def _render_ask(project: str, key: str, error: InvalidInputError | None = None) -> str:
    """Make the page."""
    with current_platform().sessions() as session:
        experiment = experiments.get(session, project, key)
    action = request.values.get("action", "start")
    return render_template(
        "ask.html", project=project, experiment=experiment, action=action,
        meaning=MEANINGS.get(action, ""), given=request.form, problems=error.problems if error else (),
    )  # fmt: skip


def _read_body(action: str, experiment: Document) -> Document:
    """Read the fields of an action from the form; what is no number is left for the domain to refuse."""
    form = request.form
    if action == WEIGHTS:
        weights = {
            each["key"]: _number(form.get(f"weight.{each['key']}", "")) for each in experiment["variants"]
        }
        is_same = weights == experiment["weights"]
        included = _number(form.get("included", ""))
        return {
            "weights": None if is_same else weights,
            "included": None if included in ("", experiment["coverage"]) else included,
            "reset": bool(form.get("reset")),
        }
    if action == GUARDRAILS:
        return {"metrics": [_with_margin(use) for use in experiment["metrics"]]}
    return {"anyway": form.get("anyway") or None} if action == "start" else {}


def _with_margin(use: Document) -> Document:
    """Give a guardrail the margin of the form."""
    text = request.form.get(f"margin.{use['metric']}", "").strip().replace(",", ".")
    if use["role"] != "guardrail" or not text:
        return use
    try:
        return {**use, "margin": float(text) / 100}
    except ValueError:
        return {**use, "margin": text}


def _number(text: str) -> int | str:
    """Read a whole number, if it is one."""
    return int(text) if text.isdecimal() and len(text) < 10 else text


def _back(project: str, key: str, place: str) -> Any:
    """Go back to the page of the experiment."""
    return redirect(url_for("pages.show_experiment", project=project, key=key, _anchor=place), 303)
