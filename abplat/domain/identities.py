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
from abplat.domain.identity import IdentityPolicy
from abplat.errors import InvalidInputError

MAX_ID: Final = 256
ID_PATTERN: Final = r"[a-z]+:.+"
_ID = re.compile(ID_PATTERN, re.DOTALL)
_POLICY = IdentityPolicy()


class Identification(msgspec.Struct, frozen=True, kw_only=True):
    """An anonymous id and the known id that it turned out to be, with what was shown so far."""

    id: str
    anonymous: str
    known: str
    at: datetime
    assignments: dict[str, str]
    assigned_at: dict[str, datetime] = {}
    phases: dict[str, int] = {}
    """The phase of each experiment that decided what was shown, where the device knows it."""
    channel: str | None = None

    def seen_at(self, experiment: str) -> datetime:
        """Return when the variant of an experiment was shown: as reported, else when this happened."""
        return min(self.assigned_at.get(experiment, self.at), self.at)


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


def is_nobody(typed_id: str) -> bool:
    """Return whether an id is one that many senders write for "nobody"; it never joins anything.

    Examples:
        >>> is_nobody("anon:null"), is_nobody("cust:7")
        (True, False)
    """
    return _POLICY.is_blocked(typed_id)


def read_joinable(fields: Fields, name: str) -> str:
    """Return a typed id that can tell one person from another."""
    value = read_id(fields, name)
    if value and is_nobody(value):
        fields.fault(name, f"{show(value)} stands for nobody and cannot be joined", "blocked_id")
    return value


def parse_identification(
    document: Mapping[str, Any], now: datetime, token_id: str | None = None
) -> Identification:
    """Read what a device says at a log-in. Without a time it happened now.

    Args:
        document: What was said.
        now: The present instant.
        token_id: The known id, where an identity token names it.

    Raises:
        InvalidInputError: With every fault found.
    """
    fields = Fields(document)
    anonymous = read_joinable(fields, "anonymous")
    fields.value("identity_token", None)
    known = read_joinable(fields, "known") if token_id is None or "known" in document else token_id
    if token_id not in {None, known}:
        fields.fault("identity_token", "names another id than known; send one of the two", "bad_token")
    if anonymous and anonymous == known:
        fields.fault("known", "is the same id as anonymous; two different ids are joined", "same_id")
    at = _read_instant(fields, "ts", now) or now
    assignments = _read_assignments(fields)
    assigned_at = _read_times(fields, now)
    phases = _read_phases(fields)
    channel = fields.text("channel", None, MAX_ID)
    identity = fields.text("id", None, MAX_ID) or _derive_id(anonymous, known, at)
    fields.finish("identification")
    return Identification(
        id=identity, anonymous=anonymous, known=known, at=at,
        assignments=assignments, assigned_at=assigned_at, phases=phases, channel=channel,
    )  # fmt: skip


def _read_assignments(fields: Fields) -> dict[str, str]:
    """Read a variant per experiment."""
    assignments = fields.mapping("assignments", 200)
    for experiment, variant in assignments.items():
        entry = Fields({"key": experiment, "variant": variant}, fields.where("assignments"), fields.problems)
        entry.key("key")
        entry.key("variant")
    return assignments


def _read_times(fields: Fields, now: datetime) -> dict[str, datetime]:
    """Read when each variant was shown."""
    times = fields.mapping("assigned_at", 200)
    inner = Fields(times, fields.where("assigned_at"), fields.problems)
    read = {experiment: _read_instant(inner, experiment, now) for experiment in times}
    return {experiment: at for experiment, at in read.items() if at is not None}


def _read_phases(fields: Fields) -> dict[str, int]:
    """Read which phase decided each variant."""
    phases = fields.mapping("phases", 200)
    inner = Fields(phases, fields.where("phases"), fields.problems)
    return {experiment: inner.integer(experiment, 1, 1_000_000) for experiment in phases}


def _read_instant(fields: Fields, name: str, now: datetime) -> datetime | None:
    """Read when it happened; never later than now, for a device's clock may run ahead."""
    text = fields.value(name, None)
    if text is None:
        return None
    try:
        return min(parse_instant(text, fields.where(name)), now)
    except InvalidInputError as error:
        fields.problems.extend(error.problems)
        return None


def _derive_id(anonymous: str, known: str, at: datetime) -> str:
    """Make the id of the event from what it says, so that a repeated call is a duplicate."""
    said = f"{anonymous}\n{known}\n{format_instant(at)}".encode(errors="replace")
    return f"identify-{hashlib.sha256(said).hexdigest()[:32]}"
