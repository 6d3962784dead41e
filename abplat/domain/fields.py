"""Read the fields of a definition document and collect every fault on the way.

A person who mends a file wants the whole list at once, so no accessor raises: a faulty field
yields a harmless value of the right type, its fault is noted, and ``finish`` raises at the end.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import Any

from abplat.clock import parse_duration, parse_instant
from abplat.errors import InvalidInputError, Problem

KEY_PATTERN = r"[A-Za-z0-9._-]{1,64}"
MAX_TITLE = 200
MAX_TEXT = 4_000
MAX_DEPTH = 16

_KEY = re.compile(KEY_PATTERN)
_MISSING: Any = object()


class Fields:
    """One mapping of a document: hands out its fields, remembers its faults."""

    def __init__(self, document: object, path: str = "", problems: list[Problem] | None = None) -> None:
        """Start reading; parts of one document share one list of faults."""
        self.path = path
        self.problems: list[Problem] = [] if problems is None else problems
        self._read: set[str] = set()
        self.document: dict[Any, Any] = document if isinstance(document, dict) else {}
        if not isinstance(document, dict):
            self.fault("", f"{show(document)} is not a mapping of fields", "not_a_mapping")

    def fault(self, name: str, message: str, code: str = "invalid") -> None:
        """Note that a field is wrong."""
        self.problems.append(Problem(self.where(name), message, code))

    def where(self, name: str) -> str:
        """Return the path of a field from the top of the document."""
        return f"{self.path}.{name}" if self.path and name else self.path or name

    def value(self, name: str, default: Any = _MISSING) -> Any:
        """Return a field as it stands; null counts as left out."""
        self._read.add(name)
        found = self.document.get(name)
        if found is None and default is _MISSING:
            self.fault(name, "is missing", "required")
            return None
        return default if found is None else found

    def key(self, name: str, default: Any = _MISSING) -> Any:
        """Return the key of a definition."""
        found = self.value(name, default)
        if found is None or (isinstance(found, str) and _KEY.fullmatch(found)):
            return found
        self.fault(name, f"{show(found)} is not a key; use 1 to 64 letters, digits, dots, _ or -", "bad_key")
        return ""

    def text(self, name: str, default: Any = _MISSING, longest: int = MAX_TITLE) -> Any:
        """Return a text of bounded length that says something."""
        found = self.value(name, default)
        if found is None or found is default:
            return found
        if not isinstance(found, str) or not found.strip():
            self.fault(name, f"{show(found)} is not a text; write at least one visible character", "bad_text")
            return ""
        if len(found) > longest:
            self.fault(name, f"has {len(found)} characters; at most {longest} are kept", "too_long")
        return self._storable(name, found)

    def _storable(self, name: str, text: str) -> str:
        """Refuse what one of the two databases could not keep."""
        fault = unstorable(text)
        if fault:
            self.fault(name, fault, "bad_character")
        return text

    def flag(self, name: str, *, default: bool) -> bool:
        """Return true or false."""
        found = self.value(name, default)
        if isinstance(found, bool):
            return found
        self.fault(name, f"{show(found)} is neither true nor false", "bad_flag")
        return default

    def choice(self, name: str, allowed: Sequence[str], default: Any = _MISSING) -> Any:
        """Return one word of a list."""
        found = self.value(name, default)
        if found is None or found in allowed:
            return found
        self.fault(name, f"{show(found)} is none of {', '.join(allowed)}", "bad_choice")
        return allowed[0]

    def integer(self, name: str, least: int, most: int, default: Any = _MISSING) -> int:
        """Return a whole number within bounds."""
        found = self.value(name, default)
        if found is None:
            return least
        if isinstance(found, bool) or not isinstance(found, int) or not least <= found <= most:
            message = f"{show(found)} is not a whole number from {least} to {most}"
            self.fault(name, message, "bad_integer")
            return least
        return found

    def share(self, name: str, default: Any = None, least: float = 0.0, most: float = 1.0) -> float | None:
        """Return a number strictly between two bounds, or the default."""
        found = self.value(name, default)
        if found is None:
            return None
        if is_number(found) and least < found < most:
            return float(found)
        self.fault(name, f"{show(found)} is not a number above {least:g} and below {most:g}", "bad_number")
        return default if is_number(default) else None

    def duration(self, name: str, default: str | None = _MISSING) -> str | None:
        """Return a duration such as 7d, as it was written."""
        found = self.value(name, default)
        if found is None:
            return None
        try:
            parse_duration(found)
        except InvalidInputError as error:
            self.fault(name, error.problems[0].message, "bad_duration")
            return None
        return str(found)

    def instant(self, name: str, default: str | None = _MISSING) -> str | None:
        """Return an instant with its offset, as it was written."""
        found = self.value(name, default)
        if found is None:
            return None
        try:
            parse_instant(found)
        except InvalidInputError as error:
            self.fault(name, error.problems[0].message, error.problems[0].code)
            return None
        return str(found)

    def seconds(self, name: str) -> timedelta | None:
        """Return the length of a duration that was read before, if it was a good one."""
        try:
            return parse_duration(self.document.get(name))  # type: ignore[arg-type]
        except InvalidInputError:
            return None

    def items(self, name: str, least: int, most: int, default: Any = _MISSING) -> list[Any]:
        """Return a list of bounded length."""
        found = self.value(name, default)
        if found is None:
            return []
        if not isinstance(found, list | tuple):
            self.fault(name, f"{show(found)} is not a list", "not_a_list")
            return []
        if not least <= len(found) <= most:
            self.fault(name, f"has {len(found)} entries; it needs {least} to {most}", "bad_length")
            return list(found[:most])
        return list(found)

    def parts(self, name: str, least: int, most: int, default: Any = _MISSING) -> Iterator[Fields]:
        """Hand out each entry of a list of mappings."""
        for index, entry in enumerate(self.items(name, least, most, default)):
            yield Fields(entry, f"{self.where(name)}[{index}]", self.problems)

    def mapping(self, name: str, most: int) -> dict[str, Any]:
        """Return a mapping from texts, empty when left out."""
        found = self.value(name, {})
        if not isinstance(found, dict) or not all(isinstance(key, str) for key in found):
            self.fault(name, f"{show(found)} is not a mapping from texts", "not_a_mapping")
            return {}
        if len(found) > most:
            self.fault(name, f"has {len(found)} entries; at most {most} are kept", "bad_length")
            return {}
        return found

    def collect(self, name: str, parse: Callable[[Any], Any], value: object) -> Any:
        """Run another parser; its faults become faults of this field."""
        try:
            return parse(value)
        except InvalidInputError as error:
            for problem in error.problems:
                joined = f"{self.where(name)}.{problem.path}" if problem.path else self.where(name)
                self.problems.append(problem._replace(path=joined.replace(".[", "[")))
            return None

    def no_more(self) -> None:
        """Note every field that nobody asked for."""
        for name in self.document:
            if name not in self._read:
                known = ", ".join(sorted(self._read))
                message = f"is not a field here; the fields are {known}"
                self.fault(str(name)[:MAX_TITLE], message, "unknown_field")

    def finish(self, what: str) -> None:
        """End the reading: note unknown fields, then raise if there is any fault.

        Raises:
            InvalidInputError: With every fault found.
        """
        self.no_more()
        require_none(self.problems, what)


def require_none(problems: Sequence[Problem], what: str) -> None:
    """Raise one error for all faults, or do nothing when there are none.

    Raises:
        InvalidInputError: With every fault found.
    """
    if not problems:
        return
    first = problems[0]
    rest = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    where = f"{first.path}: " if first.path else ""
    raise InvalidInputError(f"the {what} is not valid: {where}{first.message}{rest}", problems=problems)


def show(value: object) -> str:
    """Write a value for an error message: enough to know it again, never a whole document."""
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() > 128:
        return "a number of very many digits"
    text = ascii(value) if isinstance(value, str) and unstorable(value) else repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def is_number(value: object) -> bool:
    """Tell whether a value is a number that every language reads alike: finite, whole ones within 53 bits.

    True and false are not numbers.
    """
    if isinstance(value, bool):
        return False
    if isinstance(value, int):
        return abs(value) < 2**53
    return isinstance(value, float) and math.isfinite(value)


def unstorable(text: str) -> str | None:
    """Say why a text cannot be kept: PostgreSQL refuses NUL, UTF-8 refuses half a pair."""
    if "\x00" in text:
        return "holds a NUL character; remove it"
    if any("\ud800" <= character <= "\udfff" for character in text):
        return "holds half of a surrogate pair; write the whole character"
    return None


def check_json(value: object, path: str, depth: int = 0) -> Iterator[Problem]:
    """Yield what keeps a free JSON value from being stored alike in both databases."""
    if depth > MAX_DEPTH:
        yield Problem(path, f"is nested deeper than {MAX_DEPTH} levels", "too_deep")
    elif isinstance(value, str):
        if fault := unstorable(value):
            yield Problem(path, fault, "bad_character")
    elif isinstance(value, dict):
        for key, entry in value.items():
            yield from _check_entry(key, entry, path, depth)
    elif isinstance(value, list | tuple):
        for index, entry in enumerate(value):
            yield from check_json(entry, f"{path}[{index}]", depth + 1)
    elif value is not None and not isinstance(value, bool) and not is_number(value):
        yield Problem(path, f"{show(value)} cannot be written as JSON", "bad_value")


def _check_entry(key: object, entry: object, path: str, depth: int) -> Iterator[Problem]:
    """Check one entry of a JSON object."""
    if not isinstance(key, str) or unstorable(key) or len(key) > MAX_TITLE:
        yield Problem(path, f"{show(key)} is not a name for a field", "bad_key")
    else:
        yield from check_json(entry, f"{path}.{key}", depth + 1)
