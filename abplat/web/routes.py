"""The blueprint of all pages; the composition root registers it as it is."""

from __future__ import annotations

import hashlib
import logging
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
from flask import Blueprint, g, render_template, url_for
from markupsafe import Markup
from werkzeug.exceptions import BadRequest, HTTPException

from abplat.errors import AbplatError
from abplat.web import (
    account,
    approvals,
    audit,
    briefs,
    discovered,
    discussion,
    exploring,
    journey_counting,
    journey_editor,
    journeys,
    people,
    provider,
    results,
    setup_pictures,
    setups,
    sign_in,
    webhooks,
    wording,
)
from abplat.web.door import find_person, guard, is_local, may
from abplat.web.forms import form_token, keep_form_token
from abplat.web.glossary import define
from abplat.web.navigation import list_menu
from abplat.web.safety import protect

STYLESHEET = "abplat.css"
FORM_SHEET = "forms.css"
EXPLORE_SHEET = "explore.css"
SETUP_SCRIPT = "setup.js"
_log = logging.getLogger(__name__)
HEADINGS = {
    "not_authenticated": (401, "Please sign in"),
    "not_allowed": (403, "This is not for your role"),
    "not_found": (404, "This does not exist"),
    "conflict": (409, "This cannot be done now"),
    "duplicate_key": (409, "This exists already"),
    "illegal_transition": (409, "This cannot be done now"),
    "approval_needed": (409, "Somebody else must approve this first"),
    "layer_full": (409, "There is no room in the layer"),
    "stale_version": (412, "Somebody else was quicker"),
    "too_large": (413, "This is too large"),
    "invalid_input": (422, "This cannot be asked like that"),
    "unavailable": (503, "Not available right now"),
    "limit_exceeded": (429, "Too many requests"),
    "storage_full": (507, "The disk is full"),
}


def make_blueprint() -> Blueprint:
    """Put every page under its address."""
    pages = Blueprint(
        "pages", __name__, template_folder="templates", static_folder="static", static_url_path="/assets"
    )
    pages.add_url_rule("/projects/<project>/journeys/<key>", view_func=journeys.show_journey)
    pillars = (
        results,
        briefs,
        sign_in,
        account,
        discussion,
        setups,
        setup_pictures,
        journey_editor,
        journey_counting,
        discovered,
    )
    for module in (*pillars, approvals, people, provider, audit, webhooks):
        module.add_pages(pages)
    exploring.add_pages(pages)
    pages.before_request(guard)
    pages.register_error_handler(AbplatError, show_error)
    pages.register_error_handler(Exception, show_unexpected)
    pages.register_error_handler(BadRequest, show_bad_request)
    pages.add_app_template_filter(_say_actor, "actor")
    pages.add_app_template_filter(wording.humanise, "humane")
    pages.add_app_template_filter(_write_plainly, "plain")
    pages.after_request(protect)
    pages.after_request(keep_form_token)
    pages.app_context_processor(_globals)
    return pages


def show_error(error: AbplatError) -> tuple[str, int]:
    """Say to a person what is wrong."""
    status, heading = HEADINGS.get(error.code, (500, "Something went wrong"))
    return show_unexpected(error) if status == 500 else render_error(status, heading, error.message)  # type: ignore[return-value]


def show_bad_request(error: BadRequest) -> tuple[str, int]:
    """Say to a person that a form cannot be read."""
    return render_error(400, "This form cannot be read", error.description or "It is not complete")


def show_unexpected(error: Exception) -> tuple[str, int] | HTTPException:
    """Show a fault of our own as a page: its text goes to the log, the request's name to the reader."""
    if isinstance(error, HTTPException):
        return error
    name = str(g.get("request_id", "unknown"))
    _log.error("request %s failed", name, exc_info=error)
    return render_error(500, "Something went wrong", f"The log says why, under request {name}.")


def render_error(status: int, heading: str, detail: str) -> tuple[str, int]:
    """Make the error page; also for addresses that belong to no page."""
    return render_template("error.html", status=status, heading=heading, detail=_sentence(detail)), status


def _sentence(text: str) -> str:
    """Make a message a sentence."""
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "!", "?")) else text + "."


def _globals() -> dict[str, Any]:
    """Give every template its style sheets, whose addresses change with their content, and the menu."""
    return {
        "stylesheet": url_for("pages.static", filename=STYLESHEET, v=_hash_of(STYLESHEET)),
        "form_sheet": url_for("pages.static", filename=FORM_SHEET, v=_hash_of(FORM_SHEET)),
        "explore_sheet": url_for("pages.static", filename=EXPLORE_SHEET, v=_hash_of(EXPLORE_SHEET)),
        "setup_script": url_for("pages.static", filename=SETUP_SCRIPT, v=_hash_of(SETUP_SCRIPT)),
        "person": find_person(),
        "is_local": is_local(),
        "may": may,
        "define": define,
        "list_menu": list_menu,
        "token_field": _write_token,
        "find_discussion": discussion.find_discussion,
    }


def _say_actor(actor: str | None) -> str:
    """Say who acted: people by their address alone."""
    return (actor or "nobody").removeprefix("user:")


def _write_plainly(value: Any) -> str:
    """Write a JSON value as text."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _write_token() -> Markup:
    """Write the hidden field that every form needs."""
    return Markup('<input type="hidden" name="form_token" value="{}">').format(form_token())


@cache
def _hash_of(name: str) -> str:
    """Return what names the present content of a file."""
    return hashlib.sha256((Path(__file__).parent / "static" / name).read_bytes()).hexdigest()[:12]


blueprint = make_blueprint()
