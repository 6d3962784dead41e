"""Passwords: what is asked of one. Length protects; rules on characters only annoy."""

from __future__ import annotations

from typing import Final

from abplat.domain.fields import unstorable
from abplat.errors import InvalidInputError

SHORTEST: Final = 12
LONGEST: Final = 200
_FEWEST_CHARACTERS: Final = 5


def require_password(password: str, *known: str) -> None:
    """Refuse a password that is easily guessed, or longer than is worth hashing.

    Args:
        password: As it was typed.
        known: What others know of the person: name and e-mail address.

    Raises:
        InvalidInputError: Saying what to do.

    Examples:
        >>> require_password("five tents at dawn", "ada@example.com")
    """
    fault = _find_fault(password, known)
    if fault:
        raise InvalidInputError.at("password", fault, "weak_password")


def _find_fault(password: str, known: tuple[str, ...]) -> str | None:
    """Say what is wrong with a password."""
    if not SHORTEST <= len(password) <= LONGEST:
        return f"has {len(password)} characters; take {SHORTEST} to {LONGEST}, for instance four words"
    if len(set(password.lower())) < _FEWEST_CHARACTERS:
        return "repeats the same few characters; take four words instead"
    parts = {part for text in known for part in (text.lower(), text.lower().partition("@")[0])}
    if any(part and password.lower().replace(part, "").strip("0123456789 .-_!") == "" for part in parts):
        return "is made of your name or address; take four words instead"
    return unstorable(password)
