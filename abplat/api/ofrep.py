"""The OpenFeature Remote Evaluation Protocol: existing OpenFeature clients evaluate flags here.

No session and no database: the evaluator of the project is held compiled. Errors have the shape of the
protocol, also where the router or the key check found them. See docs/reference/openfeature.md.
"""

from __future__ import annotations

import hashlib
import logging
from typing import Any, Final

import flask
import orjson
from flask import Response, current_app, g, request
from flask_smorest import Blueprint
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import HTTPException

from abplat.api.auth import require_key
from abplat.api.errors import STATUS, request_id
from abplat.api.ofrep_docs import BULK, SINGLE
from abplat.api.parser import INGEST_LIMIT
from abplat.api.session import current_platform
from abplat.db.engine import translate
from abplat.domain.keys import ADMIN, CLIENT, SERVER
from abplat.errors import AbplatError, InvalidInputError, NotFoundError
from abplat.services import ofrep
from abplat.services.exposures import RecentExposures
from abplat.services.ofrep import Question
from abplat.services.sticky_decisions import Caller

FLAGS: Final = "/ofrep/v1/evaluate/flags"
EXPOSE_HEADER: Final = "X-Abplat-Expose"
PARSE_ERROR: Final = "PARSE_ERROR"
NOT_FOUND: Final = "FLAG_NOT_FOUND"
GENERAL: Final = "GENERAL"
_PROTOCOL_CODES = {PARSE_ERROR, ofrep.NO_TARGETING_KEY, ofrep.BAD_CONTEXT}
_log = logging.getLogger(__name__)

blueprint = Blueprint("ofrep", __name__, description="Flags for OpenFeature clients.")


@blueprint.route(f"{FLAGS}/<path:key>", methods=["POST"], merge_slashes=False)
@blueprint.doc(**SINGLE)
@require_key(CLIENT, SERVER, ADMIN)
def evaluate(key: str) -> Response:
    """Evaluate one flag."""
    question = _parse()
    platform, caller = current_platform(), Caller(g.key.project_key, g.key.kind)
    evaluator = platform.configurations.evaluator(caller.project)
    if evaluator.find(key) is None:
        raise NotFoundError(f"there is no flag {key[:64]!r}")
    may_expose = question.wants_exposure and caller.kind == SERVER
    if may_expose or question.wants_ledger:
        decision = ofrep.decide_by_ledger(platform, caller, question, (key,))[key]
    else:
        decision = ofrep.decide(evaluator, key, question)
    flag = ofrep.describe(evaluator, decision, question.channel)
    if question.wants_exposure:
        recent: RecentExposures = current_app.extensions.setdefault("abplat_exposed", RecentExposures())
        flag["metadata"]["exposed"] = may_expose and recent.expose(
            platform.intake, caller.project, decision, question.channel, now=platform.clock()
        )
    return _answer(flag)


@blueprint.route(FLAGS, methods=["POST"])
@blueprint.doc(**BULK)
@require_key(CLIENT, SERVER, ADMIN)
def evaluate_all() -> Response:
    """Evaluate every flag."""
    question = _parse()
    platform, caller = current_platform(), Caller(g.key.project_key, g.key.kind)
    evaluator = platform.configurations.evaluator(caller.project)
    if question.wants_ledger:
        decided = ofrep.decide_by_ledger(platform, caller, question, None)
        response = _answer(ofrep.describe_each(evaluator, decided, question.channel))
    else:
        response = _answer(ofrep.describe_all(evaluator, question))
    # The tag names the answer: one of the configuration would keep old variants when attributes change.
    tag = hashlib.sha256(response.data).hexdigest()[:32]
    if request.if_none_match.contains_weak(tag):  # make_conditional() passes over POST
        response = Response(status=304)
    response.set_etag(tag)
    return response


def _find_nothing(rest: str) -> Response:
    """Answer what no flag can be called, such as ``.`` or the empty name, in the protocol's words."""
    raise NotFoundError(f"there is no flag at {rest[:64]!r}")


# No operation of its own, so it stands in no OpenAPI document.
flask.Blueprint.add_url_rule(
    blueprint, "/ofrep/<path:rest>", "find_nothing", _find_nothing, methods=["POST"], merge_slashes=False
)


@blueprint.after_request
def _forbid_sharing(response: Response) -> Response:
    """Let no cache hand one unit's flags to another; ``abplat.api.cors`` adds what pages need."""
    response.headers.setdefault("Cache-Control", "private, no-cache")
    response.vary.update(("Authorization", "X-API-Key"))
    return response


def _parse() -> Question:
    """Read the question; a header may ask for an exposure as well as the context."""
    question = ofrep.parse_question(_read())
    asked = request.headers.get(EXPOSE_HEADER, "").lower() in ("true", "1")
    return question._replace(wants_exposure=question.wants_exposure or asked)


def _read() -> object:
    """Return the body; a content type is not asked for, as no answer depends on it."""
    request.max_content_length = INGEST_LIMIT
    try:
        return orjson.loads(request.get_data(cache=False))
    except orjson.JSONDecodeError as error:
        raise InvalidInputError.at("", f"the body is not JSON: {error}", PARSE_ERROR) from error


def _answer(document: dict[str, Any], status: int = 200) -> Response:
    """Answer JSON; clients insist on its content type."""
    return Response(orjson.dumps(document), status, content_type="application/json")


@blueprint.errorhandler(Exception)
def _render(error: Exception) -> Response:
    """Answer an error in the protocol's shape."""
    if isinstance(error, OperationalError):
        error = translate(error.orig or error)
    if isinstance(error, AbplatError):
        return _render_known(error)
    if isinstance(error, HTTPException):
        status = error.code or 500
        code = PARSE_ERROR if status in (400, 415) else GENERAL
        return _fail(400 if code == PARSE_ERROR else status, code, error.description or error.name)
    _log.error("request %s failed", request_id(), exc_info=error)
    return _fail(500, GENERAL, f"abplat failed to answer; its log says why under request_id {request_id()}")


def _render_known(error: AbplatError) -> Response:
    """Answer an error of ours: faults of the context are 400 here, and a missing flag has its code."""
    if error.code == "invalid_input":
        code = next((each.code for each in error.problems if each.code in _PROTOCOL_CODES), GENERAL)
        return _fail(400, code, error.message)
    response = _fail(STATUS[error.code], NOT_FOUND if error.code == "not_found" else GENERAL, error.message)
    if error.code == "not_authenticated":
        response.headers["WWW-Authenticate"] = 'Bearer realm="abplat"'
    if error.code in ("limit_exceeded", "unavailable"):
        response.headers["Retry-After"] = "1"  # whole seconds: a date stops one client and lames another
    return response


def _fail(status: int, code: str, details: str) -> Response:
    """Answer a failure; a single evaluation names its flag."""
    given = request.view_args or {}
    named = {"key": given["key"]} if "key" in given else {"key": given["rest"]} if "rest" in given else {}
    text = details.encode("utf-8", "backslashreplace").decode()
    return _answer({**named, "errorCode": code, "errorDetails": text}, status)
