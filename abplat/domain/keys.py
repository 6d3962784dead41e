"""API keys: what they look like, how they are made and checked.

A key is ``<prefix><selector>_<secret>``. The selector finds the row and may be shown and logged;
of the secret, 256 random bits, only the SHA-256 is kept. So long a random secret needs no slow
password hash: there is nothing to guess.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from typing import Final, NamedTuple

from abplat.errors import InvalidInputError, NotAuthenticatedError

CLIENT: Final = "client"
SERVER: Final = "server"
ADMIN: Final = "admin"
KINDS: Final = (CLIENT, SERVER, ADMIN)
PREFIXES: Final = {CLIENT: "abc_", SERVER: "abs_", ADMIN: "abt_"}
PATTERN: Final = r"ab([cst])_([0-9a-f]{16})_([0-9a-f]{64})"
"""What a secret scanner should look for."""

_KEY = re.compile(PATTERN)
_KIND_OF_LETTER = {"c": CLIENT, "s": SERVER, "t": ADMIN}


class NewKey(NamedTuple):
    """A key just made: ``token`` is shown once, the rest is kept."""

    token: str
    selector: str
    secret_hash: str
    kind: str


class PresentedKey(NamedTuple):
    """A key as a caller sent it."""

    kind: str
    selector: str
    secret: str


def make_key(kind: str) -> NewKey:
    """Make a key of a kind from 256 random bits.

    Raises:
        InvalidInputError: If there is no such kind.
    """
    if kind not in KINDS:
        raise InvalidInputError.at("kind", f"{kind!r} is none of {', '.join(KINDS)}", "bad_choice")
    selector, secret = secrets.token_hex(8), secrets.token_hex(32)
    return NewKey(f"{PREFIXES[kind]}{selector}_{secret}", selector, hash_secret(secret), kind)


def hash_secret(secret: str) -> str:
    """Return what is stored of a secret."""
    return hashlib.sha256(secret.encode()).hexdigest()


def parse_key(token: str) -> PresentedKey:
    """Take a presented key apart.

    Raises:
        NotAuthenticatedError: If it does not look like a key; the text is not repeated.
    """
    found = _KEY.fullmatch(token)
    if found is None:
        raise NotAuthenticatedError("that is not an abplat key; keys start with abc_, abs_ or abt_")
    return PresentedKey(_KIND_OF_LETTER[found[1]], found[2], found[3])


def verify_secret(secret: str, secret_hash: str) -> bool:
    """Compare a presented secret with the stored hash in constant time."""
    return hmac.compare_digest(hash_secret(secret), secret_hash)
