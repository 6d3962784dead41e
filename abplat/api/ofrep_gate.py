"""The short way to one flag: the usual evaluation is answered before Flask sees the request.

A flag costs microseconds, finding its view and building its response by Flask hundreds of them; the bare
view of a toy beats that. So a plain request with a key that was checked a moment ago is answered here, with
the same words and headers. Anything else, from an exposure to a fault, goes on to ``abplat.api.ofrep``
untouched. Whatever must see every request, such as a limit per key, has to be called here as well.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterable
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final

import orjson
from flask import Flask

from abplat.api.auth import KEY_CACHE, KeyCache
from abplat.services import ofrep
from abplat.services.sticky_decisions import Caller

if TYPE_CHECKING:
    from abplat_sdk.evaluator import Decision, Evaluator

    from abplat.services.keys import CheckedKey
    from abplat.services.platform import Platform

Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

_PATH: Final = re.compile(r"/ofrep/v1/evaluate/flags/([A-Za-z0-9._-]{1,64})")
_MAX_BODY: Final = 64 * 1024
_LONG_WAY: Final = frozenset(
    {"HTTP_ORIGIN", "HTTP_X_ABPLAT_EXPOSE", "HTTP_TRANSFER_ENCODING", "HTTP_CONTENT_ENCODING"}
)
_HEADERS: Final = (
    ("Content-Type", "application/json"),
    ("Cache-Control", "private, no-cache"),
    ("Vary", "Authorization, X-API-Key, Origin"),
    ("X-Content-Type-Options", "nosniff"),
)


class FlagGate:
    """Answers what is usual, and hands on the rest."""

    def __init__(self, app: Flask) -> None:
        """Stand before an app; ``app.wsgi_app`` is what comes behind."""
        self._behind: Wsgi = app.wsgi_app
        self._extensions = app.extensions
        self._platform: Platform = app.extensions["abplat"]

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer one request."""
        if environ["REQUEST_METHOD"] == "POST":
            found = _PATH.fullmatch(environ.get("PATH_INFO", ""))
            answer = None if found is None else self._evaluate(found[1], environ)
            if answer is not None:
                marks = [("Content-Length", str(len(answer))), ("X-Request-Id", secrets.token_hex(8))]
                start_response("200 OK", [*_HEADERS, *marks])
                return [answer]
        return self._behind(environ, start_response)

    def _evaluate(self, key: str, environ: dict[str, Any]) -> bytes | None:
        """Evaluate a flag; None where the request is not a usual one, whose body can then be read again."""
        caller = None if _LONG_WAY & environ.keys() else self._find_caller(environ)
        length = environ.get("CONTENT_LENGTH") or ""
        if caller is None or not length.isdecimal() or int(length) > _MAX_BODY:
            return None
        body = environ["wsgi.input"].read(int(length))
        answer = self._answer(caller, key, body)
        if answer is None:
            environ["wsgi.input"] = BytesIO(body)
        return answer

    def _find_caller(self, environ: dict[str, Any]) -> CheckedKey | None:
        """Return whose key came with the request, if it was checked a moment ago."""
        cache: KeyCache | None = self._extensions.get(KEY_CACHE)
        bearer, plain = environ.get("HTTP_AUTHORIZATION", ""), environ.get("HTTP_X_API_KEY", "")
        if cache is None or bool(bearer) == bool(plain):
            return None
        key = cache.get(plain or bearer.removeprefix("Bearer "))
        return None if key is not None and key.person else key  # what a person may do the long way knows

    def _answer(self, caller: CheckedKey, key: str, body: bytes) -> bytes | None:
        """Return the evaluation as JSON; None where there is anything to explain."""
        try:
            question = ofrep.parse_question(orjson.loads(body))
            evaluator = self._platform.configurations.evaluator(caller.project_key)
            if evaluator.find(key) is not None and not question.wants_exposure:
                decision = self._decide(Caller(caller.project_key, caller.kind), evaluator, key, question)
                return orjson.dumps(ofrep.describe(evaluator, decision, question.channel))
        except Exception:  # noqa: BLE001, S110  # the long way meets the same fault, answers and logs it
            pass
        return None

    def _decide(self, caller: Caller, evaluator: Evaluator, key: str, question: ofrep.Question) -> Decision:
        """Decide by the ledger, or by what was sent alone where the caller wants that."""
        if not question.wants_ledger:
            return ofrep.decide(evaluator, key, question)
        return ofrep.decide_by_ledger(self._platform, caller, question, (key,))[key]
