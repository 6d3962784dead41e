"""Personal tokens: with one a person uses the API as themselves."""

from __future__ import annotations

import re
import secrets
from datetime import timedelta
from typing import Final, NamedTuple

from abplat.domain.keys import hash_secret

PERSONAL: Final = "personal"
"""In the place of a kind of key."""
PREFIX: Final = "abu_"
PATTERN: Final = r"abu_([0-9a-f]{16})_([0-9a-f]{64})"
"""What a secret scanner should look for."""
LONGEST: Final = timedelta(days=90)
_TOKEN = re.compile(PATTERN)


class NewToken(NamedTuple):
    """A token just made: ``token`` is shown once, the rest is kept."""

    token: str
    selector: str
    secret_hash: str


def make_token() -> NewToken:
    """Make a token from 256 random bits."""
    selector, secret = secrets.token_hex(8), secrets.token_hex(32)
    return NewToken(f"{PREFIX}{selector}_{secret}", selector, hash_secret(secret))


def parse_token(token: str) -> tuple[str, str] | None:
    """Return selector and secret of what looks like a personal token, else None.

    Examples:
        >>> parse_token("abt_something") is None
        True
    """
    found = _TOKEN.fullmatch(token)
    return (found[1], found[2]) if found else None
