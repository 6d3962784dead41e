"""Passwords: hashed as OWASP recommends, a few at a time."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from abplat.services import passwords


def test_a_hash_names_its_rounds_and_keeps_nothing_else() -> None:
    """Argon2id with 19 MiB and two rounds; another salt each time."""
    one, other = passwords.hash_password("four tents at dawn"), passwords.hash_password("four tents at dawn")

    assert one.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert one != other
    assert passwords.verify_password(one, "four tents at dawn")
    assert not passwords.verify_password(one, "four tents at dusk")
    assert not passwords.verify_password(None, "nobody has this password")
    assert not passwords.verify_password("not a hash", "x")


def test_at_most_four_are_hashed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each takes 19 MiB: a crowd must not take the memory of the machine."""
    lock, now, most = threading.Lock(), 0, 0

    class Slow:
        def hash(self, _password: str) -> str:
            """Take a moment."""
            nonlocal now, most
            with lock:
                now += 1
                most = max(most, now)
            threading.Event().wait(0.02)
            with lock:
                now -= 1
            return ""

    monkeypatch.setattr(passwords, "_HASHER", Slow())
    with ThreadPoolExecutor(12) as pool:
        list(pool.map(passwords.hash_password, ["x"] * 24))

    assert 1 <= most <= passwords.MAX_AT_ONCE
