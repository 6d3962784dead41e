"""The identity policy: which ids may be joined into one customer, and how far."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

DAY_US = 86_400_000_000
AUTHORITATIVE = "cust"
"""The type of id that names a customer; a customer has at most one."""

_TYPED = re.compile(r"([a-z]+):(.+)", re.DOTALL)
_LONGEST_ID = 256
_BLOCKED_WORDS = frozenset({
    "0", "-1", "null", "none", "nil", "nan", "undefined", "unknown", "anonymous", "anon", "guest",
    "empty", "n/a", "na", "false", "true", "default",
})  # fmt: skip
_BLOCKED_SHAPE = re.compile(r"test(?:[-_ ]?(?:id|user|customer))?[-_ ]?[0-9]*|[0-]+|\s*")


@dataclass(frozen=True, slots=True)
class Limit:
    """How many ids of one type a customer may have, at all or joined within a span of time."""

    count: int
    within_us: int | None = None


DEFAULT_LIMITS: Mapping[str, Limit] = MappingProxyType({
    "loyalty": Limit(2),
    "phone": Limit(5),
    "email": Limit(5),
    "anon": Limit(50, 30 * DAY_US),
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class IdentityPolicy:
    """The rules of joining: limits per type of id, and values that never join anything."""

    limits: Mapping[str, Limit] = field(default_factory=lambda: DEFAULT_LIMITS)
    blocked_values: frozenset[str] = frozenset()
    """Further values to refuse, beside those that are never a person (``null``, ``0``, ``test1``)."""

    def is_blocked(self, typed_id: str) -> bool:
        """Return whether an id can never tell one person from another.

        Examples:
            >>> policy = IdentityPolicy()
            >>> [policy.is_blocked(x) for x in ("anon:null", "phone:0000", "cust:7", "email:Test-1")]
            [True, True, False, True]
        """
        value = typed_id.partition(":")[2].strip().lower()
        return (
            value in _BLOCKED_WORDS or value in self.blocked_values or bool(_BLOCKED_SHAPE.fullmatch(value))
        )


def id_type(typed_id: str) -> str:
    """Return the type of a typed id.

    Examples:
        >>> id_type("loyalty:55")
        'loyalty'
    """
    return typed_id.partition(":")[0]


def mask_id(typed_id: str) -> str:
    """Return an id as reports may show it: its type and its end, enough to find it in the facts.

    Reports are kept for good and shown to many; who was erased must not stand in one.

    Examples:
        >>> mask_id("phone:+49301234567"), mask_id("cust:7")
        ('phone:..67', 'cust:..')
    """
    kind, _, value = typed_id.partition(":")
    return f"{kind}:..{value[-2:] if len(value) > 4 else ''}"


def is_typed_id(text: object) -> bool:
    """Return whether a text is a typed id: a lower-case type, a colon, a value; at most 256 characters.

    Examples:
        >>> is_typed_id("cust:7"), is_typed_id("7"), is_typed_id("cust:")
        (True, False, False)
    """
    return isinstance(text, str) and len(text) <= _LONGEST_ID and _TYPED.fullmatch(text) is not None
