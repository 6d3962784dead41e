"""The mapping file: which column of a foreign file becomes which part of a fact.

The shapes here are the documented schema of ``docs/reference/import.md``; an unknown or missing
field is refused before a single row is read.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Literal

import msgspec
import yaml

from abplat.clock import parse_duration
from abplat.errors import InvalidInputError

Kind = Literal["events", "exposures", "outcomes"]
Scalar = str | int | float | bool

MAX_MAP_BYTES = 1 << 20
_MSGSPEC_MESSAGE = re.compile(r"^(?P<what>.*?)(?: - at `(?P<path>[^`]*)`)?$")
_UNKNOWN_FIELD = re.compile(r"unknown field `([^`]*)`")
_MISSING_FIELD = re.compile(r"missing required field `([^`]*)`")


class Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of every part of a mapping file."""


class Rule(Part, frozen=True, kw_only=True):
    """Take ``then`` where the column's text matches the pattern (``*`` and ``?`` as in file names)."""

    column: str
    pattern: str
    then: str | None


class Source(Part, frozen=True, kw_only=True):
    """Where one value comes from: exactly one of column, template, constant or rules."""

    column: str | None = None
    template: str | None = None
    constant: Scalar | None = None
    rules: tuple[Rule, ...] | None = None
    map: dict[str, str] | None = None
    prefix: str | None = None
    read: Literal["text", "number", "boolean"] = msgspec.field(name="as", default="text")


class TimeSource(Part, frozen=True, kw_only=True):
    """Where an instant comes from; without a format it is ISO 8601."""

    column: str | None = None
    template: str | None = None
    constant: str | None = None
    format: str | None = None
    timezone: str | None = None


class Present(Part, frozen=True, kw_only=True):
    """Keep a row only where the column holds something (or, when false, holds nothing)."""

    present: bool


ValueSource = str | Source
InstantSource = str | TimeSource
Condition = Scalar | tuple[Scalar, ...] | Present


class FileMap(Part, frozen=True, kw_only=True):
    """What all mapping files share."""

    delimiter: str = ","
    where: dict[str, Condition] = {}


class EventsMap(FileMap, frozen=True, kw_only=True):
    """One touchpoint per row."""

    actor: ValueSource
    name: ValueSource
    ts: InstantSource
    id: ValueSource | None = None
    channel: ValueSource | None = None
    value: ValueSource | None = None
    props: dict[str, ValueSource] = {}
    received: InstantSource | None = None


class ExposuresMap(FileMap, frozen=True, kw_only=True):
    """One exposure per row."""

    actor: ValueSource
    experiment: ValueSource
    variant: ValueSource
    ts: InstantSource
    id: ValueSource | None = None
    channel: ValueSource | None = None
    cluster: ValueSource | None = None
    received: InstantSource | None = None


class ExposurePart(Part, frozen=True, kw_only=True):
    """The exposure that every unit of an outcomes file has met."""

    experiment: ValueSource
    variant: ValueSource
    ts: InstantSource
    channel: ValueSource | None = None
    cluster: ValueSource | None = None


class Outcome(Part, frozen=True, kw_only=True):
    """One thing that may have happened to a unit after its exposure."""

    name: str
    after: str
    when: str | None = None
    count: str | None = None
    channel: ValueSource | None = None
    value: ValueSource | None = None


class OutcomesMap(FileMap, frozen=True, kw_only=True):
    """One unit per row, or one group of ``units`` with nested counts."""

    exposure: ExposurePart
    outcomes: tuple[Outcome, ...]
    actor: ValueSource | None = None
    units: str | None = None


AnyMap = EventsMap | ExposuresMap | OutcomesMap
_TYPES: dict[str, type[EventsMap | ExposuresMap | OutcomesMap]] = {
    "events": EventsMap,
    "exposures": ExposuresMap,
    "outcomes": OutcomesMap,
}


def read_map(path: Path, kind: Kind) -> AnyMap:
    """Read and check a mapping file.

    Raises:
        InvalidInputError: If the file is no YAML, or a field is unknown, missing or impossible.
    """
    document = _load(path)
    try:
        parsed = msgspec.convert(document, _TYPES[kind])
    except msgspec.ValidationError as error:
        raise _explain(path, kind, str(error)) from None
    _check(parsed)
    return parsed


def _load(path: Path) -> dict[str, Any]:
    """Return the document of a YAML file."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise InvalidInputError.at(str(path), f"cannot be read: {error.strerror}", "no_file") from error
    if len(raw) > MAX_MAP_BYTES:
        raise InvalidInputError.at(str(path), "is larger than 1 MiB; is it a mapping file?", "bad_map")
    try:
        document = yaml.safe_load(raw)
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        where = getattr(error, "problem_mark", None)
        line = f" at line {where.line + 1}" if where else ""
        raise InvalidInputError.at(str(path), f"is not YAML{line}", "bad_map") from error
    if not isinstance(document, dict):
        message = "must be a mapping of fields, such as 'actor: {prefix: cust, column: id}'"
        raise InvalidInputError.at(str(path), message, "bad_map")
    return document


def _explain(path: Path, kind: Kind, text: str) -> InvalidInputError:
    """Turn a complaint of the decoder into field and fix."""
    found = _MSGSPEC_MESSAGE.match(text)
    what, where = (found["what"], found["path"] or "$") if found else (text, "$")
    field = where.removeprefix("$").lstrip(".")
    if unknown := _UNKNOWN_FIELD.search(what):
        known = _fields_at(kind, field)
        field = f"{field}.{unknown[1]}".lstrip(".")
        what = f"is not a field here; take it away or write one of {known}"
    elif missing := _MISSING_FIELD.search(what):
        field = f"{field}.{missing[1]}".lstrip(".")
        what = f"is missing; a map of {kind} needs it"
    return InvalidInputError.at(f"{path}: {field}".rstrip(": "), what, "bad_map")


def _fields_at(kind: Kind, field: str) -> str:
    """Return the names allowed at a place of the map, for the error message."""
    head = re.split(r"[.\[]", field)
    part: type[msgspec.Struct]
    if not field:
        part = _TYPES[kind]
    elif head[-1] in {"ts", "received"}:
        part = TimeSource
    elif "rules" in head:
        part = Rule
    elif field == "exposure":
        part = ExposurePart
    elif head[0] == "outcomes" and "." not in field:
        part = Outcome
    elif head[0] == "where":
        part = Present
    else:
        part = Source
    return ", ".join(part.__struct_encode_fields__)


def _check(parsed: AnyMap) -> None:
    """Refuse maps that are well formed and mean nothing."""
    if len(parsed.delimiter) != 1:
        raise InvalidInputError.at("delimiter", "must be a single character, such as ';'", "bad_map")
    if isinstance(parsed, OutcomesMap):
        _check_outcomes(parsed)


def _check_outcomes(parsed: OutcomesMap) -> None:
    """Hold the outcomes together: names differ, later ones come later, counts only with units."""
    needed, other = ("count", "when") if parsed.units else ("when", "count")
    names = [outcome.name for outcome in parsed.outcomes]
    if len(set(names)) < len(names):
        raise InvalidInputError.at("outcomes", "two outcomes have one name; give each its own", "bad_map")
    for index, outcome in enumerate(parsed.outcomes):
        where = f"outcomes[{index}]"
        parse_duration(outcome.after, f"{where}.after")
        if getattr(outcome, needed) is None or getattr(outcome, other) is not None:
            why = (
                "with 'units' an outcome has a 'count' column"
                if parsed.units
                else "an outcome has a 'when' column"
            )
            raise InvalidInputError.at(f"{where}.{needed}", f"{why}, and no {other!r}", "bad_map")


def encode_map(parsed: AnyMap) -> bytes:
    """Write a map canonically, so that it can be hashed: comments and order do not count."""
    return msgspec.json.encode(parsed, order="deterministic")
