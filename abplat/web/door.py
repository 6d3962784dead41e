"""The door of all pages: who comes in, and which role a page needs. Nothing is open unless it says so.

A page needs the role ``viewer``, one that changes something ``experimenter``; ``require_role`` asks for
another. Where the address names a project, the role is the one in that project, and to those
who do not belong to it the project does not exist.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Protocol, TypeVar, cast
from urllib.parse import quote

from flask import Response, current_app, g, redirect, request

from abplat.domain.people import LOCAL, Person
from abplat.domain.roles import ADMIN, EXPERIMENTER, VIEWER, is_enough
from abplat.errors import NotAllowedError, NotAuthenticatedError, NotFoundError
from abplat.web.forms import SAFE_METHODS, check_form

OPEN: Final = "open"
"""In place of a role: the page is for everybody, signed in or not."""
LOCAL_HOSTS: Final = ("127.0.0.1", "localhost", "[::1]")
SIGN_IN: Final = "SIGN_IN"
"""Key of the app's configuration: ``required``, or ``local`` where whoever reaches this machine is let in."""

View = TypeVar("View", bound=Callable[..., Any])


class Finder(Protocol):
    """Tells who sends the present request."""

    def __call__(self) -> Person | None:
        """Return the person, or None."""


def require_role(role: str) -> Callable[[View], View]:
    """Say which role a page needs; the door asks for it before the page is called.

    Args:
        role: One of ``abplat.domain.roles``, or ``OPEN``.
    """

    def mark(view: View) -> View:
        """Note the role at the view."""
        view.role = role  # type: ignore[attr-defined]
        return view

    return mark


def needed_role(view: Callable[..., Any] | None, method: str) -> str:
    """Return the role that a page needs."""
    usual = VIEWER if method in SAFE_METHODS else EXPERIMENTER
    return str(getattr(view, "role", usual))


def current_person() -> Person:
    """Return who sends the present request.

    Raises:
        NotAuthenticatedError: If nobody is signed in.
    """
    person = find_person()
    if person is None:
        raise NotAuthenticatedError("sign in first")
    return person


def find_person() -> Person | None:
    """Return who sends the present request, or None; asked once per request."""
    if "person" not in g:
        g.person = _find()
    return cast("Person | None", g.person)


def guard() -> Any:
    """Let in who may come in; runs before every page."""
    if request.endpoint == "pages.static":
        return None
    view = current_app.view_functions.get(request.endpoint or "")
    role = needed_role(view, request.method)
    if is_local():
        _require_local_host()
    person = find_person()  # open pages ask as well: the forms of who is signed in carry their own token
    if role != OPEN:
        if person is None:
            return _send_to_sign_in()
        require(role, (request.view_args or {}).get("project"))
    if request.method not in SAFE_METHODS:
        check_form()
    return None


def require(role: str, project: str | None = None) -> None:
    """Refuse whoever has too small a role; without a project only administrators have more than ``viewer``.

    Raises:
        NotFoundError: If they do not belong to the project: they shall not learn that it exists.
        NotAllowedError: If their role is too small.
    """
    person = current_person()
    if project is None:
        held: str | None = ADMIN if person.is_admin else VIEWER
    else:
        held = person.role_in(project)
        if held is None:
            raise NotFoundError(f"there is no project {project[:64]!r}")
    if not is_enough(held, role):
        raise NotAllowedError(f"this needs the role {role}; yours is {held}")


def is_local() -> bool:
    """Tell whether nobody signs in here."""
    return bool(current_app.config.get(SIGN_IN, "required") == "local")


def may(role: str, project: str | None = None) -> bool:
    """Tell a template whether to show what needs a role."""
    person = find_person()
    if person is None:
        return False
    held = person.role_in(project) if project else ADMIN if person.is_admin else VIEWER
    return is_enough(held, role)


def _find() -> Person | None:
    """Ask who it is."""
    if is_local():
        return LOCAL
    finder: Finder | None = current_app.extensions.get("abplat.finder")
    return finder() if finder else None


def _require_local_host() -> None:
    """Refuse a page of elsewhere that pretends to be this machine (DNS rebinding).

    Raises:
        NotAllowedError: If the address bar names another host.
    """
    host = request.host.rpartition(":")[0] if ":" in request.host.rpartition("]")[2] else request.host
    if host not in LOCAL_HOSTS:
        raise NotAllowedError(
            f"nobody signs in here, so pages are shown on {LOCAL_HOSTS[0]} only, not as {host[:64]}"
        )


def _send_to_sign_in() -> Response:
    """Ask who it is, and remember where they wanted to go."""
    if request.method not in SAFE_METHODS:
        raise NotAuthenticatedError("you are signed out; sign in, go back and send the form again")
    wanted = quote(request.full_path.removesuffix("?"), safe="/")
    return cast("Response", redirect(f"/sign-in?next={wanted}", 303))
