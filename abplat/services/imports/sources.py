"""Compile the value descriptions of a map into plain functions of a row."""

from __future__ import annotations

import fnmatch
import functools
import math
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from abplat.clock import format_instant, from_micros, parse_instant, to_micros
from abplat.errors import InvalidInputError
from abplat.services.imports.maps import (
    Condition,
    InstantSource,
    Present,
    Rule,
    Scalar,
    Source,
    TimeSource,
    ValueSource,
)
from abplat.services.imports.reading import SourceRow

Read = Callable[[SourceRow, int], Scalar | None]
ReadInstant = Callable[[SourceRow, int], int]
Keep = Callable[[SourceRow], bool]

_HOLE = re.compile(r"\{([^{}]*)\}")
_TRUE = frozenset({"1", "true", "t", "yes", "y"})
_FALSE = frozenset({"0", "false", "f", "no", "n", ""})


class RowRefusedError(Exception):
    """One row cannot become a fact; the import goes on without it."""

    def __init__(self, code: str, message: str) -> None:
        """Keep the code for programs and the sentence for people."""
        super().__init__(message)
        self.code = code
        self.message = message


class SourceCompiler:
    """Turns sources into readers, for the columns of one file."""

    def __init__(self, columns: list[str]) -> None:
        """Know the columns, so that a missing one is found before the first row."""
        self._index = {name: position for position, name in enumerate(columns)}

    def column(self, name: str, path: str) -> int:
        """Return the position of a column.

        Raises:
            InvalidInputError: If the file has no such column.
        """
        if name not in self._index:
            message = f"the file has no column {name!r}; it has {', '.join(self._index)}"
            raise InvalidInputError.at(path, message, "missing_column")
        return self._index[name]

    def value(self, source: ValueSource | None, path: str, read: str | None = None) -> Read:
        """Return the reader of one value; ``read`` overrides the type asked for in the map."""
        if source is None:
            return lambda _row, _unit: None
        spec = Source(column=source) if isinstance(source, str) else source
        given = [spec.column, spec.template, spec.constant, spec.rules]
        if sum(part is not None for part in given) != 1:
            message = "needs exactly one of column, template, constant, rules"
            raise InvalidInputError.at(path, message, "bad_map")
        reader = self._raw(spec, path)
        if spec.map is not None:
            reader = _mapped(reader, spec.map, path)
        if spec.prefix is not None:
            reader = _prefixed(reader, spec.prefix)
        return _typed(reader, read or spec.read, path)

    def _raw(self, spec: Source, path: str) -> Read:
        """Return the reader before mapping, prefix and type."""
        if spec.column is not None:
            position = self.column(spec.column, f"{path}.column")
            return lambda row, _unit: row.values[position]
        if spec.template is not None:
            return self.template(spec.template, f"{path}.template")
        if spec.rules is not None:
            return self._ruled(spec.rules, path)
        constant = spec.constant
        return lambda _row, _unit: constant

    def template(self, text: str, path: str) -> Read:
        """Return the reader of a text with ``{column}``, ``{row}`` and ``{unit}`` in it."""
        parts = _HOLE.split(text)
        fixed = parts[0::2]
        holes = [self._hole(name, path) for name in parts[1::2]]

        def fill(row: SourceRow, unit: int) -> str | None:
            found = [hole(row, unit) for hole in holes]
            if None in found:
                return None
            return fixed[0] + "".join(f"{value}{tail}" for value, tail in zip(found, fixed[1:], strict=True))

        return fill

    def _hole(self, name: str, path: str) -> Read:
        """Return the reader of one hole of a template."""
        if name in self._index:
            position = self._index[name]
            return lambda row, _unit: row.values[position]
        if name == "row":
            return lambda row, _unit: row.number
        if name == "unit":
            return lambda _row, unit: unit
        position = self.column(name, path)
        return lambda row, _unit: row.values[position]

    def _ruled(self, rules: tuple[Rule, ...], path: str) -> Read:
        """Return the reader that takes the first rule whose pattern matches."""
        compiled = [
            (self.column(rule.column, f"{path}.rules[{number}].column"), rule)
            for number, rule in enumerate(rules)
        ]
        positions = sorted({position for position, _ in compiled})

        @functools.lru_cache(maxsize=65_536)
        def decide(texts: tuple[str, ...]) -> str | None:
            known = dict(zip(positions, texts, strict=True))
            hits = (
                rule.then for position, rule in compiled if fnmatch.fnmatchcase(known[position], rule.pattern)
            )
            return next(hits, None)

        return lambda row, _unit: decide(tuple(row.values[position] or "" for position in positions))

    def instant(self, source: InstantSource, path: str) -> ReadInstant:
        """Return the reader of an instant, as microseconds."""
        spec = TimeSource(column=source) if isinstance(source, str) else source
        zone = _zone(spec.timezone, path)
        plain = Source(column=spec.column, template=spec.template, constant=spec.constant)
        reader = self.value(plain, path)
        parse = functools.lru_cache(maxsize=4_096)(
            lambda text: _parse_instant(text, spec.format, zone, path),
        )

        def read(row: SourceRow, unit: int) -> int:
            text = reader(row, unit)
            if text is None:
                raise RowRefusedError("missing_value", f"{path}: is empty")
            return parse(text)

        return read

    def instant_text(self, source: InstantSource, path: str) -> Callable[[SourceRow, int], str]:
        """Return the reader of an instant as the events API takes it.

        Text that is ISO 8601 by the map goes there as it stands and is judged there, once.
        """
        spec = TimeSource(column=source) if isinstance(source, str) else source
        if spec.format is not None or spec.timezone is not None:
            micros = self.instant(spec, path)
            return lambda row, unit: format_instant(from_micros(micros(row, unit)))
        reader = self.value(Source(column=spec.column, template=spec.template, constant=spec.constant), path)

        def read(row: SourceRow, unit: int) -> str:
            text = reader(row, unit)
            if text is None:
                raise RowRefusedError("missing_value", f"{path}: is empty")
            return str(text)

        return read

    def keep(self, where: Mapping[str, Condition]) -> Keep:
        """Return the filter of the rows that count."""
        tests = [
            (self.column(name, f"where.{name}"), _condition(condition)) for name, condition in where.items()
        ]
        return lambda row: all(test(row.values[position]) for position, test in tests)


def read_boolean(text: Scalar | None, path: str) -> bool:
    """Read a column that says whether something happened; any number but zero is yes."""
    word = "" if text is None else str(text).strip().lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    try:
        return float(word) != 0
    except ValueError:
        message = f"{path}: {text!r} is neither yes nor no; use 1 and 0, or true and false"
        raise RowRefusedError("bad_boolean", message) from None


def read_number(text: Scalar | None, path: str) -> float | None:
    """Read a finite number, or None where the column is empty."""
    if text is None:
        return None
    try:
        number = float(text)
    except ValueError:
        raise RowRefusedError("bad_number", f"{path}: {text!r} is not a number") from None
    if not math.isfinite(number):
        raise RowRefusedError("bad_number", f"{path}: {text!r} is not a finite number")
    return number


def read_count(text: Scalar | None, path: str, limit: int) -> int:
    """Read a whole number from 0 to a limit."""
    number = read_number(text, path)
    if number is None or number < 0 or number != int(number):
        raise RowRefusedError("bad_count", f"{path}: {text!r} is not a whole number of 0 or more")
    if number > limit:
        raise RowRefusedError("too_many_units", f"{path}: {text} is more than {limit:,} in one row")
    return int(number)


def _mapped(reader: Read, table: dict[str, str], path: str) -> Read:
    """Translate texts; one that the table does not name refuses the row."""

    def read(row: SourceRow, unit: int) -> Scalar | None:
        value = reader(row, unit)
        key = "" if value is None else str(value)
        if key not in table:
            raise RowRefusedError("unmapped_value", f"{path}: {key!r} is not in the map; add it there")
        return table[key]

    return read


def _prefixed(reader: Read, prefix: str) -> Read:
    """Make a typed id of a bare one."""
    head = prefix.rstrip(":") + ":"

    def read(row: SourceRow, unit: int) -> Scalar | None:
        value = reader(row, unit)
        return None if value is None else f"{head}{value}"

    return read


def _typed(reader: Read, read: str, path: str) -> Read:
    """Read the text as the type asked for."""
    if read == "number":
        return lambda row, unit: read_number(reader(row, unit), path)
    if read == "boolean":
        return lambda row, unit: read_boolean(reader(row, unit), path)
    return reader


def _zone(name: str | None, path: str) -> ZoneInfo | None:
    """Return the time zone of a name."""
    if name is None:
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        message = f"{name!r} is not a time zone; write one such as Europe/Amsterdam or UTC"
        raise InvalidInputError.at(f"{path}.timezone", message, "bad_map") from error


def _parse_instant(text: str, form: str | None, zone: ZoneInfo | None, path: str) -> int:
    """Read an instant; without an offset in the text the map must name the zone."""
    try:
        if form is None and zone is None:
            return to_micros(parse_instant(text, path))
        naive = datetime.strptime(text, form) if form else datetime.fromisoformat(text)  # noqa: DTZ007
    except InvalidInputError as error:
        raise RowRefusedError(error.problems[0].code, error.message) from None
    except ValueError:
        wanted = f"of the form {form!r}" if form else "an ISO 8601 instant"
        raise RowRefusedError("bad_timestamp", f"{path}: {text!r} is not {wanted}") from None
    if naive.tzinfo is None and zone is None:
        message = f"{path}: {text!r} has no offset; name a timezone in the map"
        raise RowRefusedError("naive_timestamp", message)
    aware = naive if naive.tzinfo is not None else naive.replace(tzinfo=zone)
    return to_micros(aware)


def _condition(condition: Condition) -> Callable[[str | None], bool]:
    """Return the test of one column."""
    if isinstance(condition, Present):
        present = condition.present
        return lambda text: (text is not None) is present
    allowed = condition if isinstance(condition, tuple) else (condition,)
    texts = {_as_text(value) for value in allowed}
    return lambda text: (text or "") in texts


def _as_text(value: Scalar) -> str:
    """Write a condition's value as it stands in a file."""
    return str(value).lower() if isinstance(value, bool) else str(value)
