"""Typed identifiers, and the statement that two of them belong to one customer."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import msgspec

from abplat.clock import format_instant, parse_instant
from abplat.domain.fields import Fields, show, unstorable
from abplat.errors import InvalidInputError

MAX_ID: Final = 256
ID_PATTERN: Final = r"[a-z]+:.+"
BLOCKED: Final = frozenset({"0", "null", "none", "undefined", "anonymous", "unknown", "test"})
"""Values that many senders write for "nobody"; they never join anything."""

_ID = re.compile(ID_PATTERN, re.DOTALL)


class Identification(msgspec.Struct, frozen=True, kw_only=True):
    """An anonymous id and the known id that it turned out to be, with what was shown so far."""

    id: str
    anonymous: str
    known: str
    at: datetime
    assignments: dict[str, str]


def fault_of_id(value: object) -> str | None:
    """Say why a value is not a typed id, or None when it is one.

    Examples:
        >>> fault_of_id("cust:7")
        >>> fault_of_id("7")
        "'7' has no type; write the type before it, such as cust:7 or anon:7"
    """
    if not isinstance(value, str) or not value:
        return f"{show(value)} is not an id; write a type and a value, such as cust:7"
    if len(value) > MAX_ID:
        return f"has {len(value)} characters; an id has at most {MAX_ID}"
    if fault := unstorable(value):
        return fault
    if not _ID.fullmatch(value):
        return f"{show(value)} has no type; write the type before it, such as cust:{value[:40]} or anon:{value[:40]}"
    return None


def read_id(fields: Fields, name: str) -> str:
    """Return a typed id."""
    found = fields.value(name)
    fault = fault_of_id(found) if found is not None else None
    if fault:
        fields.fault(name, fault, "bad_id")
    return found if isinstance(found, str) else ""


def parse_identification(document: Mapping[str, Any], now: datetime) -> Identification:
    """Read what a device says at a log-in. Without a time it happened now.

    Raises:
        InvalidInputError: With every fault found.
    """
    fields = Fields(document)
    anonymous, known = read_id(fields, "anonymous"), read_id(fields, "known")
    for name, value in (("anonymous", anonymous), ("known", known)):
        if value.partition(":")[2].strip().lower() in {"", *BLOCKED} and value:
            fields.fault(name, f"{show(value)} stands for nobody and cannot be joined", "blocked_id")
    if anonymous and anonymous == known:
        fields.fault("known", "is the same id as anonymous; two different ids are joined", "same_id")
    at = _read_instant(fields, now)
    assignments = fields.mapping("assignments", 200)
    for experiment, variant in assignments.items():
        entry = Fields({"key": experiment, "variant": variant}, fields.where("assignments"), fields.problems)
        entry.key("key")
        entry.key("variant")
    identity = fields.text("id", None, MAX_ID) or _derive_id(anonymous, known, at)
    fields.finish("identification")
    return Identification(id=identity, anonymous=anonymous, known=known, at=at, assignments=assignments)


def _read_instant(fields: Fields, now: datetime) -> datetime:
    """Read when it happened; never later than now, for a device's clock may run ahead."""
    text = fields.value("ts", None)
    if text is None:
        return now
    try:
        return min(parse_instant(text), now)
    except InvalidInputError as error:
        fields.problems.extend(error.problems)
        return now


def _derive_id(anonymous: str, known: str, at: datetime) -> str:
    """Make the id of the event from what it says, so that a repeated call is a duplicate."""
    said = f"{anonymous}\n{known}\n{format_instant(at)}".encode(errors="replace")
    return f"identify-{hashlib.sha256(said).hexdigest()[:32]}"
