"""The blueprint of all pages; the composition root registers it as it is."""

from __future__ import annotations

import hashlib
import logging
from pathlib import Path
from typing import Any

from flask import Blueprint, g, render_template, url_for
from werkzeug.exceptions import HTTPException

from abplat.errors import AbplatError
from abplat.web import experiments, journeys
from abplat.web.safety import protect

STYLESHEET = "abplat.css"
_log = logging.getLogger(__name__)
HEADINGS = {
    "not_found": (404, "This does not exist"),
    "conflict": (409, "This cannot be shown now"),
    "invalid_input": (422, "This cannot be asked like that"),
    "unavailable": (503, "Not available right now"),
    "limit_exceeded": (429, "Too many requests"),
}


def make_blueprint() -> Blueprint:
    """Put every page under its address."""
    pages = Blueprint(
        "pages", __name__, template_folder="templates", static_folder="static", static_url_path="/assets"
    )
    pages.add_url_rule("/", view_func=experiments.list_experiments)
    pages.add_url_rule("/projects/<project>", view_func=experiments.list_experiments)
    place = "/projects/<project>/experiments/<key>"
    pages.add_url_rule(place, view_func=experiments.show_experiment)
    pages.add_url_rule(f"{place}/report.json", view_func=experiments.download_json)
    pages.add_url_rule(f"{place}/report.csv", view_func=experiments.download_csv)
    pages.add_url_rule("/projects/<project>/journeys/<key>", view_func=journeys.show_journey)
    pages.register_error_handler(AbplatError, show_error)
    pages.register_error_handler(Exception, show_unexpected)
    pages.after_request(protect)
    pages.context_processor(_globals)
    return pages


def show_error(error: AbplatError) -> tuple[str, int]:
    """Say to a person what is wrong."""
    status, heading = HEADINGS.get(error.code, (500, "Something went wrong"))
    return show_unexpected(error) if status == 500 else render_error(status, heading, error.message)  # type: ignore[return-value]


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
    """Give every template the address of the style sheet, which changes with its content."""
    return {"stylesheet": url_for("pages.static", filename=STYLESHEET, v=_STYLE_HASH)}


_STYLE_HASH = hashlib.sha256((Path(__file__).parent / "static" / STYLESHEET).read_bytes()).hexdigest()[:12]
blueprint = make_blueprint()
