"""Pages of people and roles: those of a project, and those of the whole installation."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for

from abplat.domain.roles import ADMIN, MEANINGS
from abplat.errors import ConflictError, InvalidInputError
from abplat.services import people, projects
from abplat.web.door import current_person, require_role
from abplat.web.forms import public_url
from abplat.web.writing import current_platform, open_writer


def add_pages(pages: Blueprint) -> None:
    """Put the pages under their addresses."""
    place = "/projects/<project>/people"
    pages.add_url_rule(place, "list_people", list_people)
    pages.add_url_rule(place, "invite_person", invite_person, methods=["POST"])
    pages.add_url_rule(f"{place}/<int:number>/role", "set_role", set_role, methods=["POST"])
    pages.add_url_rule(f"{place}/<int:number>/remove", "remove_person", remove_person, methods=["POST"])
    pages.add_url_rule("/people", "list_users", list_users)
    pages.add_url_rule("/people/<int:number>", "change_user", change_user, methods=["POST"])
    pages.add_url_rule("/people/<int:number>/link", "make_user_link", make_user_link, methods=["POST"])


@require_role(ADMIN)
def list_people(project: str) -> str:
    """Show who belongs to a project, and what each may do."""
    return _render(project)


@require_role(ADMIN)
def invite_person(project: str) -> Any:
    """Let somebody in; who is new gets a link, shown once."""
    form = request.form
    document = {"email": form.get("email"), "name": form.get("name") or None, "role": form.get("role")}
    try:
        with open_writer() as session:
            now, by_admin = current_platform().clock(), current_person().is_admin
            invited = people.invite(session, project, document, now=now, by_admin=by_admin)
    except (InvalidInputError, ConflictError) as error:
        faults = {problem.path: problem.message for problem in error.problems} or {"email": error.message}
        return _render(project, faults=faults, given=form), 422
    link = f"{public_url()}/welcome/{invited.token}" if invited.token else None
    return _render(project, link=link, invited=invited.member)


@require_role(ADMIN)
def set_role(project: str, number: int) -> Any:
    """Give somebody another role."""
    with open_writer() as session:
        people.get_member(session, project, number)
        role = request.form.get("role", "")
        people.set_role(session, project, number, role, now=current_platform().clock())
    return redirect(url_for("pages.list_people", project=project), 303)


@require_role(ADMIN)
def remove_person(project: str, number: int) -> Any:
    """Take somebody out of the project."""
    with open_writer() as session:
        people.remove(session, project, number, now=current_platform().clock())
    return redirect(url_for("pages.list_people", project=project), 303)


@require_role(ADMIN)
def list_users() -> str:
    """Show everybody there is."""
    return _render_users()


@require_role(ADMIN)
def change_user(number: int) -> Any:
    """Say whether somebody administers abplat, and whether they may come in."""
    changes = {
        name: request.form[name] == "yes" for name in ("is_admin", "is_disabled") if name in request.form
    }
    with open_writer() as session:
        people.change_user(session, number, changes, now=current_platform().clock())
    return redirect(url_for("pages.list_users"), 303)


@require_role(ADMIN)
def make_user_link(number: int) -> Any:
    """Make somebody a link for a new password, and show it once."""
    with open_writer() as session:
        token = people.make_password_link(session, number, now=current_platform().clock())
        email = people.get_user(session, number).email
    return _render_users(link=f"{public_url()}/welcome/{token}", email=email)


def _render(project: str, **over: Any) -> str:
    """Make the page of a project's people."""
    with current_platform().sessions() as session:
        title = projects.get(session, project)["title"]
        members = people.list_members(session, project)
    shown = {"faults": {}, "given": {}, "link": None, "invited": None, **over}
    return render_template(
        "people.html", project=project, project_title=title, members=members, meanings=MEANINGS, **shown
    )


def _render_users(**over: Any) -> str:
    """Make the page of everybody."""
    with current_platform().sessions() as session:
        users = people.list_users(session)
    return render_template("users.html", users=users, **{"link": None, "email": None, **over})
