"""Who is calling: API keys by kind and project. The project of a call comes from its key alone."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import wraps
from typing import Final, ParamSpec, TypeVar

from flask import current_app, g, request

from abplat.api.session import current_platform
from abplat.domain.keys import CLIENT, PREFIXES
from abplat.errors import NotAllowedError, NotAuthenticatedError
from abplat.services import keys
from abplat.services.keys import CheckedKey
from abplat.services.platform import Platform

P = ParamSpec("P")
R = TypeVar("R")

REMEMBERED_S: Final = 2.0
"""How many seconds a checked key is trusted without a look at the database: a revocation takes that long."""

KEY_CACHE: Final = "abplat_keys"
"""Where an app keeps its ``KeyCache``, among its extensions."""

KEY_IN_QUERY: Final = {
    "name": "key",
    "in": "query",
    "description": "A client key, in place of a header: for beacons, which carry none.",
    "schema": {"type": "string", "pattern": "^abc_[0-9a-f]{16}_[0-9a-f]{64}$"},
}
"""How OpenAPI describes a key in the address."""

_MAX_REMEMBERED = 10_000


class KeyCache:
    """Keys checked a moment ago, by the whole token; it lives as long as the app."""

    def __init__(self) -> None:
        """Start empty."""
        self._held: dict[str, tuple[float, CheckedKey]] = {}
        self._lock = threading.Lock()

    def get(self, token: str) -> CheckedKey | None:
        """Return a key checked recently enough."""
        held = self._held.get(token)
        return held[1] if held and time.monotonic() - held[0] < REMEMBERED_S else None

    def put(self, token: str, key: CheckedKey) -> None:
        """Remember a key that was good."""
        with self._lock:
            if len(self._held) >= _MAX_REMEMBERED:
                self._held.clear()
            self._held[token] = (time.monotonic(), key)


def require_key(*kinds: str, in_query: bool = False) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Let only keys of some kinds call a view; the key is then in ``flask.g.key``.

    Args:
        kinds: Kinds of keys that may call.
        in_query: Whether a client key may stand in the address as ``?key=``. A beacon carries no headers,
            and a request without headers of its own needs no leave asked of the server beforehand.
    """

    def decorate(view: Callable[P, R]) -> Callable[P, R]:
        """Guard a view."""

        @wraps(view)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
            """Check the key, then call the view."""
            key = check_key(current_platform(), presented_token(in_query=in_query))
            if key.kind not in kinds:
                wanted = " or ".join(kinds)
                raise NotAllowedError(
                    f"this call needs a key of kind {wanted}; that one is of kind {key.kind}"
                )
            g.key = key
            return view(*args, **kwargs)

        guarded.key_kinds = kinds  # type: ignore[attr-defined]
        return guarded

    return decorate


def presented_token(*, in_query: bool = False) -> str:
    """Return the key that came with the request.

    Raises:
        NotAuthenticatedError: If there is none, or two that differ.
    """
    named = request.args.getlist("key") if in_query else []
    if any(not token.startswith(PREFIXES[CLIENT]) for token in named):
        raise NotAuthenticatedError("only a client key may stand in the address; send others as a header")
    scheme, _, bearer = request.headers.get("Authorization", "").partition(" ")
    found = {request.headers.get("X-API-Key", "").strip()}
    if scheme:
        found.add(bearer.strip() if scheme.lower() == "bearer" else "")
    found.update(named)
    found.discard("")
    if len(found) != 1:
        raise NotAuthenticatedError("send one key, as Authorization: Bearer KEY or as X-API-Key: KEY")
    return found.pop()


def check_key(platform: Platform, token: str) -> CheckedKey:
    """Return whose key a token is.

    Raises:
        NotAuthenticatedError: If it is not good.
    """
    cache: KeyCache = current_app.extensions.setdefault(KEY_CACHE, KeyCache())
    key = cache.get(token)
    if key is not None:
        return key
    now = platform.clock()
    with platform.sessions() as session:
        key, last_used_at = keys.check(session, token, now=now)
    if last_used_at is None or now - last_used_at >= keys.USED_STEP:
        with platform.writers.begin() as session:
            keys.mark_used(session, key.selector, now=now)
    cache.put(token, key)
    return key
