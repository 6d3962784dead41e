"""The one map from errors to HTTP, and the one shape of an error body (RFC 9457)."""

from __future__ import annotations

import logging
import secrets
from http import HTTPStatus
from typing import Any, Final

import orjson
from flask import Flask, Response, g, request
from marshmallow import ValidationError
from sqlalchemy.exc import DataError, OperationalError
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from abplat.db.engine import translate
from abplat.errors import AbplatError, InvalidInputError, NotFoundError, Problem

STATUS: Final = {
    "invalid_input": 422,
    "not_authenticated": 401,
    "not_allowed": 403,
    "not_found": 404,
    "conflict": 409,
    "duplicate_key": 409,
    "illegal_transition": 409,
    "layer_full": 409,
    "approval_needed": 409,
    "stale_version": 412,
    "too_large": 413,
    "limit_exceeded": 429,
    "unavailable": 503,
    "storage_full": 507,
    "internal": 500,
}
"""Code of each error of ours, and the status it is answered with."""

HTTP_CODES: Final = {
    400: "bad_request",
    401: "not_authenticated",
    403: "not_allowed",
    404: "not_found",
    405: "method_not_allowed",
    406: "not_acceptable",
    408: "request_timeout",
    411: "length_required",
    412: "stale_version",
    413: "too_large",
    414: "uri_too_long",
    415: "unsupported_media_type",
    422: "invalid_input",
    428: "precondition_required",
    429: "limit_exceeded",
    431: "headers_too_large",
    503: "unavailable",
}
"""Code of each error that HTTP itself knows."""

CONTENT_TYPE: Final = "application/problem+json"
_MAX_PROBLEMS = 100
_log = logging.getLogger(__name__)


def init_errors(app: Flask) -> None:
    """Answer every error of the app in the one shape."""
    app.before_request(_name_request)
    app.after_request(_show_request_id)
    app.register_error_handler(AbplatError, render)
    app.register_error_handler(HTTPException, render_http)
    app.register_error_handler(ValidationError, render_validation)
    app.register_error_handler(OperationalError, lambda error: render(translate(error.orig or error)))
    app.register_error_handler(DataError, render_unstorable)
    app.register_error_handler(Exception, render_unexpected)


def render(error: AbplatError) -> Response:
    """Answer an error of ours."""
    response = problem_response(STATUS[error.code], error.code, error.message, error.problems)
    if error.code == "not_authenticated":
        response.headers["WWW-Authenticate"] = 'Bearer realm="abplat"'
    if error.code in ("unavailable", "limit_exceeded"):
        response.headers["Retry-After"] = str(getattr(error, "retry_after_s", 1))
    return response


def render_http(error: HTTPException) -> Response:
    """Answer an error that HTTP itself knows; a redirect stays one."""
    status = error.code or 500
    if status < 400:
        return error.get_response()  # type: ignore[return-value]
    code = HTTP_CODES.get(status, "bad_request" if status < 500 else "internal")
    response = problem_response(status, code, error.description or HTTPStatus(status).phrase)
    if isinstance(error, MethodNotAllowed) and error.valid_methods:
        response.headers["Allow"] = ", ".join(sorted(error.valid_methods))
    return response


def render_validation(error: ValidationError) -> Response:
    """Answer the faults that a schema found."""
    problems = list(_flatten(error.messages, ""))
    first = problems[0] if problems else Problem("", "is not valid")
    detail = f"{first.path}: {first.message}" if first.path else first.message
    return problem_response(STATUS["invalid_input"], "invalid_input", detail, problems)


def render_unstorable(error: DataError) -> Response:
    """Answer a value that passed every check and that the database refuses all the same."""
    _log.warning("request %s holds what the database refuses", request_id(), exc_info=error)
    return render(
        InvalidInputError("a value of the request cannot be kept by the database; check odd characters")
    )


def render_unexpected(error: Exception) -> Response:
    """Answer a fault of our own: the text goes to the log, the number to the caller."""
    _log.error("request %s failed", request_id(), exc_info=error)
    detail = f"abplat failed to answer; its log says why under request_id {request_id()}"
    return problem_response(STATUS["internal"], "internal", detail)


def problem_response(status: int, code: str, detail: str, problems: Any = ()) -> Response:
    """Build the body that every error has."""
    body = {
        "type": f"urn:abplat:error:{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": _clean(detail),
        "code": code,
        "errors": [
            {"path": _clean(problem.path), "message": _clean(problem.message), "code": problem.code}
            for problem in list(problems)[:_MAX_PROBLEMS]
        ],
        "request_id": request_id(),
    }
    return Response(orjson.dumps(body), status, content_type=CONTENT_TYPE)


def request_id() -> str:
    """Return the name of this request in the log."""
    if "request_id" not in g:
        g.request_id = secrets.token_hex(8)
    name: str = g.request_id
    return name


def _name_request() -> None:
    """Give the request a name before anything can fail; a path that nothing can have ends here."""
    request_id()
    if "\x00" in request.path:
        raise NotFoundError("there is nothing at a path with a NUL character in it")


def _show_request_id(response: Response) -> Response:
    """Tell the caller the name of the request."""
    response.headers["X-Request-Id"] = request_id()
    if request.path.startswith("/v1/"):
        response.headers.setdefault("Cache-Control", "no-store")
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    return response


def _flatten(messages: Any, path: str) -> Any:
    """Turn the nested messages of marshmallow into a list of faults."""
    if isinstance(messages, dict):
        for name, inner in messages.items():
            step = f"[{name}]" if isinstance(name, int) else (f".{name}" if path else str(name))
            hidden = name in ("json", "query", "_schema") and not path
            yield from _flatten(inner, path if hidden else f"{path}{step}")
    elif isinstance(messages, list | tuple):
        for inner in messages:
            yield from _flatten(inner, path)
    else:
        yield Problem(path, str(messages))


def _clean(text: str) -> str:
    """Make a text safe to encode: what a caller sent may hold half a character."""
    return text.encode("utf-8", "backslashreplace").decode()
