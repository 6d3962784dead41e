"""Hash passwords with Argon2id, a few at a time: each takes 19 MiB, and that is its point."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from abplat.domain.passwords import LONGEST
from abplat.errors import LimitExceededError

MAX_AT_ONCE: Final = 4
PATIENCE_S: Final = 10.0
_HASHER: Final = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
"""As OWASP recommends; the number of rounds lies in each hash, so it may grow later."""
_slots = threading.BoundedSemaphore(MAX_AT_ONCE)


def hash_password(password: str) -> str:
    """Return what is kept of a password."""
    with _slot():
        return _HASHER.hash(password)


def verify_password(password_hash: str | None, password: str) -> bool:
    """Tell whether a password is right; where there is nobody to compare with it takes as long.

    Raises:
        LimitExceededError: If too many sign in at once.
    """
    with _slot():
        try:
            _HASHER.verify(password_hash or _hash_of_nobody(), password[: LONGEST + 1])
        except (VerificationError, InvalidHashError):
            return False
    return password_hash is not None


def needs_rehash(password_hash: str) -> bool:
    """Tell whether a hash was made with other rounds than today's."""
    return _HASHER.check_needs_rehash(password_hash)


@cache
def _hash_of_nobody() -> str:
    """Return a hash that no password is asked for."""
    return _HASHER.hash("nobody has this password")


@contextmanager
def _slot() -> Iterator[None]:
    """Wait for one of the few places."""
    if not _slots.acquire(timeout=PATIENCE_S):
        raise LimitExceededError("too many people sign in at this moment; try again in a few seconds")
    try:
        yield
    finally:
        _slots.release()
