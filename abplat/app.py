"""The composition root of the web process: puts the parts together, decides nothing."""

from __future__ import annotations

import importlib
from typing import Any, Final

from flask import Flask, request
from flask_smorest import Api
from werkzeug.exceptions import NotFound

from abplat import __version__
from abplat.api.cors import init_cors
from abplat.api.errors import CONTENT_TYPE, init_errors, render_http
from abplat.api.ofrep_gate import FlagGate
from abplat.api.parser import ADMIN_LIMIT
from abplat.api.schemas.definitions import ProblemSchema
from abplat.api.session import init_sessions
from abplat.clock import Clock, system_clock
from abplat.config import Settings, is_loopback
from abplat.errors import InvalidInputError
from abplat.services.platform import open_platform
from abplat.web import blueprint
from abplat.web.routes import render_error
from abplat.web.visitors import find_signed_in

API_MODULES: Final = (
    "projects", "keys", "channels", "touchpoints", "journeys", "metrics", "layers", "holdouts", "segments", "personas",
    "templates", "experiments", "observations", "annotations", "pictures", "approvals", "comments", "lifecycle", "why", "simulations", "reports", "identities", "contexts", "customers", "analyses", "plans",
    "discoveries", "people", "users", "account", "audit", "webhooks",
    "events", "failed_events", "quality", "sightings", "timeline", "knowledge", "glossary", "decide", "assign", "ofrep", "sdk_config", "sdk_file", "health",
)  # fmt: skip
"""Modules of ``abplat.api`` with a blueprint, in the order of the OpenAPI document."""


MACHINE_PATHS: Final = ("/v1", "/sdk", "/ofrep", "/openapi.json")


class JourneyApi(Api):  # type: ignore[misc]
    """The API with one shape of errors: ours."""

    ERROR_SCHEMA = ProblemSchema

    def _register_error_handlers(self) -> None:
        """Leave errors to the one map in ``abplat.api.errors``."""

    def _register_responses(self) -> None:
        """Document every error as problem+json."""
        usual: str = Api.DEFAULT_RESPONSE_CONTENT_TYPE
        self.DEFAULT_RESPONSE_CONTENT_TYPE = CONTENT_TYPE
        super()._register_responses()
        self.DEFAULT_RESPONSE_CONTENT_TYPE = usual


def create_app(settings: Settings, clock: Clock = system_clock) -> Flask:
    """Make the web application.

    Opens the database and brings it up to date, so a bad one is named before anybody is served.

    Raises:
        UnavailableError: If the database cannot be used.
    """
    check_sign_in(settings)
    app = Flask("abplat", static_folder=None)
    app.config.update(_config(), SIGN_IN=settings.sign_in)
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.extensions["abplat"] = open_platform(settings, clock)
    init_errors(app)
    init_cors(app, settings.allowed_origins)
    init_sessions(app)
    _add_api(app)
    _add_pages(app)
    app.wsgi_app = FlagGate(app)  # type: ignore[method-assign]  # as Flask documents middleware
    return app


def check_sign_in(settings: Settings) -> None:
    """Refuse settings that would let strangers in.

    Raises:
        InvalidInputError: Naming the setting.
    """
    if settings.sign_in not in ("required", "local"):
        message = f"{settings.sign_in!r} is neither required nor local"
        raise InvalidInputError.at("sign_in", message, "bad_setting")
    if settings.sign_in == "local" and not is_loopback(settings.host):
        message = (
            f"local lets everybody in who reaches {settings.host}; listen on 127.0.0.1, or let people sign in"
        )
        raise InvalidInputError.at("sign_in", message, "bad_setting")


def _config() -> dict[str, Any]:
    """Return what Flask and flask-smorest are told."""
    return {
        "MAX_CONTENT_LENGTH": ADMIN_LIMIT,
        "API_TITLE": "abplat",
        "API_VERSION": __version__,
        "OPENAPI_VERSION": "3.1.0",
        "OPENAPI_URL_PREFIX": "/",
        "OPENAPI_JSON_PATH": "openapi.json",
        "API_SPEC_OPTIONS": {
            "info": {"description": "Judge a change by what it does to the customer's whole journey."},
            "security": [{"bearer": []}, {"api_key": []}],
        },
    }


def _add_api(app: Flask) -> None:
    """Add the routes for machines."""
    api = JourneyApi(app)
    api.spec.components.security_scheme("bearer", {"type": "http", "scheme": "bearer"})
    api.spec.components.security_scheme("api_key", {"type": "apiKey", "in": "header", "name": "X-API-Key"})
    for name in API_MODULES:
        blueprint = importlib.import_module(f"abplat.api.{name}").blueprint
        register = (
            api.register_blueprint if hasattr(blueprint, "register_views_in_doc") else app.register_blueprint
        )
        register(blueprint)


def _add_pages(app: Flask) -> None:
    """Add the pages for people, who are told in words what machines are told in JSON."""
    app.extensions["abplat.finder"] = find_signed_in
    app.register_blueprint(blueprint)
    app.register_error_handler(404, _show_nothing_here)


def _show_nothing_here(error: NotFound) -> Any:
    """Answer an address that nothing lives at."""
    is_for_machines = request.path.startswith(MACHINE_PATHS)
    if is_for_machines or "text/html" not in request.headers.get("Accept", ""):
        return render_http(error)
    return render_error(404, "This does not exist", "No page has this address; the list of experiments does.")
