"""The inbox of approvals."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for

from abplat.domain.approvals import MEANINGS
from abplat.domain.roles import ADMIN, APPROVER, EXPERIMENTER, VIEWER
from abplat.services import approvals, experiments, projects, proposals
from abplat.services.approvals import Decision
from abplat.web.door import current_person, require_role
from abplat.web.writing import current_platform, open_writer


def add_pages(pages: Blueprint) -> None:
    """Put the pages under their addresses."""
    place = "/projects/<project>/approvals"
    pages.add_url_rule(place, "list_approvals", list_approvals)
    pages.add_url_rule(f"{place}/required", "set_required", set_required, methods=["POST"])
    for name, view in (
        ("approve", approve_request),
        ("refuse", refuse_request),
        ("withdraw", withdraw_request),
        ("carry-out", carry_out_request),
    ):
        pages.add_url_rule(f"{place}/<int:number>/{name}", view.__name__, view, methods=["POST"])


@require_role(VIEWER)
def list_approvals(project: str) -> str:
    """Show what waits for a decision, what waits to be done, and what was decided."""
    with current_platform().sessions() as session:
        found = approvals.list_(session, project)
        titles = {each["experiment"]: "" for each in found}
        for key in titles:
            titles[key] = experiments.get(session, project, key)["title"]
        described = projects.get(session, project)
    return render_template(
        "approvals.html", project=project, project_title=described["title"], requests=found, titles=titles,
        actor=current_person().actor, meanings=MEANINGS, required=described["approvals"]["required"],
    )  # fmt: skip


@require_role(APPROVER)
def approve_request(project: str, number: int) -> Any:
    """Approve what somebody else asks for."""
    return _decide(project, number, approve=True)


@require_role(APPROVER)
def refuse_request(project: str, number: int) -> Any:
    """Refuse it."""
    return _decide(project, number, approve=False)


@require_role(EXPERIMENTER)
def withdraw_request(project: str, number: int) -> Any:
    """Take a request back."""
    with open_writer() as session:
        approvals.withdraw(session, project, number, now=current_platform().clock())
    return _back(project)


@require_role(EXPERIMENTER)
def carry_out_request(project: str, number: int) -> Any:
    """Do what was approved."""
    with open_writer(project) as session:
        done = proposals.carry_out(session, project, number, now=current_platform().clock())
    return redirect(url_for("pages.show_experiment", project=project, key=done["key"]), 303)


@require_role(ADMIN)
def set_required(project: str) -> Any:
    """Say what needs a second person."""
    with open_writer() as session:
        wanted = {"approvals": {"required": request.form.getlist("required")}}
        projects.update(session, project, wanted, now=current_platform().clock())
    return _back(project)


def _decide(project: str, number: int, *, approve: bool) -> Any:
    """Decide on a request as it was seen on the page."""
    form = request.form
    decision = Decision(approve=approve, note=form.get("note", ""), seen=form.get("seen") or None)
    with open_writer(project) as session:
        approvals.decide(session, project, number, decision, now=current_platform().clock())
    return _back(project)


def _back(project: str) -> Any:
    """Go back to the inbox."""
    return redirect(url_for("pages.list_approvals", project=project), 303)
