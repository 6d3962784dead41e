"""Who is calling: API keys by kind and project. The project of a call comes from its key alone."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import wraps
from typing import Final, ParamSpec, TypeVar

from flask import current_app, g, request

from abplat.api.session import current_platform
from abplat.domain.keys import ADMIN, CLIENT, PREFIXES
from abplat.domain.roles import EXPERIMENTER, VIEWER, is_enough
from abplat.domain.tokens import PERSONAL, PREFIX
from abplat.errors import NotAllowedError, NotAuthenticatedError
from abplat.services import keys, tokens
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

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
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


def require_key(
    *kinds: str, in_query: bool = False, role: str | None = None, by_person: bool = False
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Let only keys of some kinds call a view; the key is then in ``flask.g.key``.

    Where an admin key may call, people may with their personal tokens, if their role in the project is
    enough: an admin key itself has the role ``admin``.

    Args:
        kinds: Kinds of keys that may call.
        role: Role that people need; ``viewer`` for what only reads, else ``experimenter``, where it is left out.
        by_person: Whether only people may call, and no admin key.
        in_query: Whether a client key may stand in the address as ``?key=``. A beacon carries no headers,
            and a request without headers of its own needs no leave asked of the server beforehand.
    """

    def decorate(view: Callable[P, R]) -> Callable[P, R]:
        """Guard a view."""

        @wraps(view)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
            """Check the key, then call the view."""
            key = check_key(current_platform(), presented_token(in_query=in_query))
            _require_kind(key, kinds)
            if key.kind in (ADMIN, PERSONAL):
                _require_role(key, role or usual_role(request.method), by_person=by_person)
            g.key = key
            return view(*args, **kwargs)

        guarded.key_kinds = kinds  # type: ignore[attr-defined]
        guarded.role = role  # type: ignore[attr-defined]
        guarded.by_person = by_person  # type: ignore[attr-defined]
        return guarded

    return decorate


def usual_role(method: str) -> str:
    """Return the role that a call needs which names none."""
    return VIEWER if method in SAFE_METHODS else EXPERIMENTER


def _require_kind(key: CheckedKey, kinds: tuple[str, ...]) -> None:
    """Refuse a key of another kind.

    Raises:
        NotAllowedError: Naming the kinds that may call.
    """
    if key.kind in kinds or (key.kind == PERSONAL and ADMIN in kinds):
        return
    wanted = " or ".join(kinds)
    raise NotAllowedError(f"this call needs a key of kind {wanted}; that one is of kind {key.kind}")


def _require_role(key: CheckedKey, role: str, *, by_person: bool) -> None:
    """Refuse a person whose role is too small, and a key where a person is wanted.

    Raises:
        NotAllowedError: Naming the role.
    """
    if by_person and key.person is None:
        raise NotAllowedError("this call needs a person; send a personal token (abu_) in place of a key")
    if not is_enough(key.role, role):
        raise NotAllowedError(f"this call needs the role {role}; yours is {key.role}")


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
    is_personal = token.startswith(PREFIX)
    with platform.sessions() as session:
        find = tokens.check if is_personal else keys.check
        key, last_used_at = find(session, token, now=now)
    if last_used_at is None or now - last_used_at >= keys.USED_STEP:
        with platform.writers.begin() as session:
            (tokens if is_personal else keys).mark_used(session, key.selector, now=now)
    cache.put(token, key)
    return key
