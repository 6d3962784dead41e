"""The identity policy: typed ids and values that tell nobody apart."""

from __future__ import annotations

import pytest

from abplat.domain.identity import IdentityPolicy, id_type, is_typed_id


@pytest.mark.parametrize("text", ["cust:1", "anon:a b", "email:x@y.z", "card:a:b"])
def test_typed_ids_are_accepted(text: str) -> None:
    """A type, a colon, a value."""
    assert is_typed_id(text)
    assert id_type(text) == text.partition(":")[0]


@pytest.mark.parametrize("text", ["", "1", "cust:", ":1", "Cust:1", "a1:1", "cust:" + "x" * 252, 7, None])
def test_other_ids_are_refused(text: object) -> None:
    """Everything else is no typed id."""
    assert not is_typed_id(text)


@pytest.mark.parametrize(
    "value", ["0", "000", "null", "NULL", "anonymous", "test", "test-7", "undefined", " ", "0000-00"]
)
def test_values_that_are_nobody_are_blocked(value: str) -> None:
    """A value shared by strangers must not join them."""
    assert IdentityPolicy().is_blocked(f"anon:{value}")


@pytest.mark.parametrize("value", ["7", "a0", "testimony", "contest", "100"])
def test_ordinary_values_are_not_blocked(value: str) -> None:
    """A value that only looks alike is a value."""
    assert not IdentityPolicy().is_blocked(f"cust:{value}")


def test_further_values_can_be_blocked() -> None:
    """An operator adds what the house uses for nobody."""
    assert IdentityPolicy(blocked_values=frozenset({"walk-in"})).is_blocked("loyalty:Walk-In")
