"""The judge of incoming events: each is taken or refused alone, so that one never stops another.

A refused event comes back with a code and a sentence; a good one becomes a row of its kind. The
codes are listed in ``docs/reference/events.md``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Annotated, Any

import msgspec

from abplat.clock import parse_instant, to_micros
from abplat.domain.suppression import Suppression
from abplat.errors import InvalidInputError
from abplat.facts.identity_commands import RESERVED
from abplat.facts.rows import AliasRow, ExposureRow, Failure, Row, ScoreRow, TouchpointRow

_DAY_US = 86_400_000_000
_ACTOR = re.compile(r"[a-z]+:.", re.DOTALL)
# A spelled-out backslash is doubled in JSON, so only an odd one begins an escape.
_NUL_ESCAPE = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")
_KEPT_OF_FAILURE = 65_536
_SHOWN = 80
_ERASED = "the person was erased on request; nothing of theirs is kept"
_INT64 = range(-(2**63), 2**63)

_Text = Annotated[str, msgspec.Meta(min_length=1, max_length=256)]


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of everything is taken, and how far its time may lie from now.

    Attributes:
        events: Events of one batch.
        properties: Properties of one event.
        properties_bytes: Bytes of all properties of one event, as JSON.
        depth: Levels of lists and objects in a property.
        future_us: How far ahead of the server's clock an event may be.
        late_us: How old an event may be; None takes any age, as imports and replays need.
    """

    events: int = 500
    properties: int = 100
    properties_bytes: int = 16_384
    depth: int = 4
    future_us: int = _DAY_US
    late_us: int | None = None


DEFAULT_LIMITS = Limits()


class _Wire(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind"):
    """What every event carries."""

    id: _Text
    ts: str


class _Touchpoint(_Wire, frozen=True, tag="touchpoint", kw_only=True):
    """A touchpoint as it is sent."""

    actor: _Text
    name: _Text
    channel: _Text | None = None
    value: float | None = None
    props: dict[str, Any] | None = None


class _Exposure(_Wire, frozen=True, tag="exposure", kw_only=True):
    """An exposure as it is sent."""

    actor: _Text
    experiment: _Text
    variant: _Text
    channel: _Text | None = None
    reason: _Text | None = None
    config_version: _Text | None = None
    phase: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] | None = None
    sdk: _Text | None = None
    cluster: _Text | None = None


class _Alias(_Wire, frozen=True, tag="alias", kw_only=True):
    """A link between two ids as it is sent."""

    a: _Text
    b: _Text
    source: _Text | None = None


class _Score(_Wire, frozen=True, tag="score", kw_only=True):
    """A score as it is sent."""

    actor: _Text
    name: _Text
    value: float
    channel: _Text | None = None


_Event = _Touchpoint | _Exposure | _Alias | _Score


class _RefusedError(Exception):
    """One event breaks a rule; it never leaves this module."""

    def __init__(self, code: str, message: str) -> None:
        """Keep the code and the sentence."""
        super().__init__(message)
        self.code = code
        self.message = message


def judge(
    events: Sequence[object],
    received_us: int,
    limits: Limits = DEFAULT_LIMITS,
    suppression: Suppression | None = None,
) -> tuple[list[Row], list[Failure]]:
    """Sort the events of a batch into rows to keep and refusals to answer.

    Args:
        events: Decoded JSON values, one per event; any value is allowed and most are refused.
        received_us: When the batch arrived, in microseconds.
        limits: How much is taken.
        suppression: Whose events are refused, and leave no trace in the refusal.
    """
    rows: list[Row] = []
    refused: list[Failure] = []
    for index, event in enumerate(events):
        if suppression is not None and suppression.holds_any(_named_in(event)):
            refused.append(Failure(index, "erased", _ERASED, "{}"))
            continue
        try:
            rows.append(_judge_one(event, received_us, limits))
        except _RefusedError as error:
            message = error.message.replace("\0", "\\0")
            refused.append(Failure(index, error.code, message, _keep(event)))
    return rows, refused


def _named_in(event: object) -> list[str]:
    """Return the ids that an event names, however wrong the rest of it is."""
    named = [event.get(name) for name in ("actor", "cluster", "a", "b")] if isinstance(event, dict) else []
    return [each for each in named if isinstance(each, str)]


def _judge_one(event: object, received_us: int, limits: Limits) -> Row:
    """Turn one event into its row."""
    try:
        wire: _Event = msgspec.convert(event, type=_Event)
        row = _BUILDERS[type(wire)](wire, _read_time(wire.ts, received_us, limits), limits)
        encoded = msgspec.json.encode(row)
    except msgspec.ValidationError as error:
        raise _explain(str(error), event) from error
    except UnicodeEncodeError as error:
        message = "a text holds half of a surrogate pair; send whole characters"
        raise _RefusedError("lone_surrogate", message) from error
    except RecursionError as error:
        raise _RefusedError("too_deep", "lists and objects nest too deep; flatten them") from error
    # PostgreSQL cannot keep a NUL in a text: refused here, so that all databases agree.
    if b"\\u0000" in encoded and _holds_nul(row):
        raise _RefusedError("nul_character", "a text holds the character NUL; remove it")
    return row


def _keep(event: object) -> str:
    """Write a refused event as text that every database can hold."""
    try:
        return json.dumps(event)[:_KEPT_OF_FAILURE]
    except RecursionError:
        return '"nested too deep to be kept"'


def _read_time(text: str, received_us: int, limits: Limits) -> int:
    """Read the time of an event and hold it against the clock."""
    try:
        ts_us = to_micros(parse_instant(text))
    except InvalidInputError as error:
        problem = error.problems[0]
        raise _RefusedError(problem.code, f"ts: {_shorten(problem.message)}") from error
    if ts_us > received_us + limits.future_us:
        hours = limits.future_us // 3_600_000_000
        message = f"ts: {text!r} lies more than {hours} h ahead of the server; set the sender's clock"
        raise _RefusedError("in_future", message)
    if limits.late_us is not None and ts_us < received_us - limits.late_us:
        message = f"ts: {text!r} is older than the {limits.late_us // _DAY_US} days that are taken"
        raise _RefusedError("too_late", message)
    return ts_us


def _build_touchpoint(wire: _Touchpoint, ts_us: int, limits: Limits) -> Row:
    """Make the row of a touchpoint."""
    _require_actor("actor", wire.actor)
    if wire.value is not None:
        _require_finite("value", wire.value)
    props = _encode_props(wire.props, limits) if wire.props else None
    return TouchpointRow(wire.id, wire.actor, wire.name, ts_us, wire.channel, wire.value, props)


def _build_exposure(wire: _Exposure, ts_us: int, _limits: Limits) -> Row:
    """Make the row of an exposure."""
    _require_actor("actor", wire.actor)
    if wire.cluster is not None:
        _require_actor("cluster", wire.cluster)
    return ExposureRow(
        event_id=wire.id,
        actor=wire.actor,
        experiment=wire.experiment,
        variant=wire.variant,
        ts_us=ts_us,
        channel=wire.channel,
        reason=wire.reason,
        config_version=wire.config_version,
        phase=wire.phase,
        sdk=wire.sdk,
        cluster=wire.cluster,
    )


def _build_alias(wire: _Alias, ts_us: int, _limits: Limits) -> Row:
    """Make the row of an alias."""
    _require_actor("a", wire.a)
    _require_actor("b", wire.b)
    if wire.source is not None and wire.source.startswith(RESERVED):
        message = f"source: {_show(wire.source)} stands for what an operator commands; write who says so"
        raise _RefusedError("reserved_source", message)
    return AliasRow(wire.id, wire.a, wire.b, ts_us, wire.source)


def _build_score(wire: _Score, ts_us: int, _limits: Limits) -> Row:
    """Make the row of a score."""
    _require_actor("actor", wire.actor)
    _require_finite("value", wire.value)
    return ScoreRow(wire.id, wire.actor, wire.name, wire.value, ts_us, wire.channel)


_BUILDERS: dict[type[_Wire], Callable[[Any, int, Limits], Row]] = {
    _Touchpoint: _build_touchpoint,
    _Exposure: _build_exposure,
    _Alias: _build_alias,
    _Score: _build_score,
}


def _require_actor(field: str, value: str) -> None:
    """Refuse an id that does not say what it is an id of."""
    if not _ACTOR.match(value):
        message = (
            f"{field}: {_show(value)} has no type; write it as cust:7, anon:w1, device:d3 or email:a@b.c"
        )
        raise _RefusedError("bad_actor", message)


def _require_finite(path: str, value: float) -> None:
    """Refuse what no sum survives."""
    if not isfinite(value):
        raise _RefusedError("not_finite", f"{path}: {value} is not a finite number; leave the field out")


def _encode_props(props: dict[str, Any], limits: Limits) -> str:
    """Check the properties and write them as JSON."""
    if len(props) > limits.properties:
        message = f"props: {len(props)} properties, {limits.properties} are taken; send fewer"
        raise _RefusedError("too_many_properties", message)
    _require_plain("props", props, limits.depth)
    text = msgspec.json.encode(props)
    if len(text) > limits.properties_bytes:
        message = f"props: {len(text)} bytes, {limits.properties_bytes} are taken; send less"
        raise _RefusedError("properties_too_large", message)
    return text.decode()


def _require_plain(path: str, value: object, depth: int) -> None:
    """Refuse numbers that cannot be kept, and nesting nobody can read."""
    if isinstance(value, float):
        _require_finite(path, value)
    elif isinstance(value, int):
        if value not in _INT64:
            raise _RefusedError("number_out_of_range", f"{path}: more than 64 bits; send it as a string")
    elif isinstance(value, (dict, list)):
        if depth == 0:
            raise _RefusedError("too_deep", f"{path}: lists and objects nest too deep; flatten them")
        inner = value.items() if isinstance(value, dict) else enumerate(value)
        for key, item in inner:
            _require_plain(f"{path}.{key}" if depth > 0 else path, item, depth - 1)


def _holds_nul(row: Row) -> bool:
    """Tell a real NUL from a text that merely spells one."""
    values = [getattr(row, field) for field in row.__struct_fields__ if field != "props"]
    props = getattr(row, "props", None)
    in_props = props is not None and _NUL_ESCAPE.search(props) is not None
    return in_props or any("\0" in value for value in values if isinstance(value, str))


_COMPLAINTS = (
    ("missing required field", "missing_field"),
    ("unknown field", "unknown_field"),
    ("of length <=", "too_long"),
    ("of length >=", "empty"),
    ("out of range", "not_finite"),
)


def _explain(complaint: str, event: object) -> _RefusedError:
    """Give the decoder's complaint a code and a way out."""
    what, _, where = complaint.partition(" - at `$")
    path = where.rstrip("`").lstrip(".")
    if path == "kind" and what.startswith("Invalid value"):
        kind = event.get("kind") if isinstance(event, dict) else event
        message = f"kind: {_show(kind)} is not known; it is touchpoint, exposure, alias or score"
        return _RefusedError("unknown_kind", message)
    code = next((code for part, code in _COMPLAINTS if part in what), "bad_type")
    if (code, path) == ("too_long", "id"):
        code = "id_too_long"
    what = _shorten(what.replace("`", ""))
    return _RefusedError(code, f"{path}: {what}" if path else what)


def _show(value: object) -> str:
    """Show a value in a message, cut to a length that stays readable."""
    return _shorten(ascii(value))


def _shorten(text: str) -> str:
    """Cut a text and keep it free of halves of characters."""
    text = text.encode(errors="backslashreplace").decode()
    return text if len(text) <= 2 * _SHOWN else f"{text[:_SHOWN]}..{text[-_SHOWN:]}"
