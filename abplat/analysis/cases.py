"""Runs case files: worked examples with their expected answer, compared field by field.

The same files test the platform and, through ``abplat journeys test``, users' own definitions.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from abplat.analysis.case_answers import answer_journeys
from abplat.analysis.case_numbers import KINDS, answer_numbers
from abplat.clock import parse_instant
from abplat.errors import InvalidInputError

_FILE_FIELDS = {"about", "version", "cases"}
_JOURNEY_FIELDS = {
    "id",
    "topic",
    "title",
    "definition",
    "as_of",
    "events",
    "links",
    "exposures",
    "analysis",
    "expect",
}
_JOURNEY_REQUIRED = ("id", "definition", "as_of", "events", "expect")
_NUMBER_FIELDS = {"id", "topic", "title", "kind", "input", "expect", "tolerance"}
_NUMBER_REQUIRED = ("id", "kind", "input", "expect")
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT.*")
_ABSENT = "(absent)"


@dataclass(frozen=True, slots=True)
class Difference:
    """A field that is not as expected."""

    path: str
    expected: Any
    got: Any


@dataclass(frozen=True, slots=True)
class CaseResult:
    """How one case ended."""

    id: str
    title: str
    differences: tuple[Difference, ...]

    @property
    def passed(self) -> bool:
        """Return whether every field was as expected."""
        return not self.differences


def run_file(path: Path) -> list[CaseResult]:
    """Run every case of a file.

    Raises:
        InvalidInputError: If the file cannot be read or is not a file of cases.
    """
    return [run_case(case) for case in read_file(path)]


def run_case(case: Mapping[str, Any]) -> CaseResult:
    """Run one case; a journey case goes through the compiled pass and its plain twin."""
    expect = case["expect"]
    if "kind" in case:
        tolerance = float(case.get("tolerance", 1e-8))
        differences = _compare_answer(expect, answer_numbers(case["kind"], case["input"]), tolerance)
    else:
        compiled, plain = answer_journeys(case)
        differences = _compare_answer(expect, compiled, 0.0)
        if plain.get("journeys") != compiled.get("journeys"):
            differences += [Difference(f"twin.{d.path}", d.expected, d.got)
                            for d in compare(compiled, plain, "", 0.0)]  # fmt: skip
    return CaseResult(str(case["id"]), str(case.get("title", "")), tuple(differences))


def read_file(path: Path) -> list[dict[str, Any]]:
    """Read a file of cases and refuse one that is none."""
    try:
        document = orjson.loads(path.read_bytes())
    except OSError as error:
        raise InvalidInputError.at(str(path), f"cannot be read: {error.strerror}", "unreadable") from error
    except orjson.JSONDecodeError as error:
        raise InvalidInputError.at(str(path), f"is not JSON: {error}", "bad_json") from error
    if not isinstance(document, dict) or not isinstance(document.get("cases"), list):
        message = 'is not a file of cases: it needs the field "cases", a list'
        raise InvalidInputError.at(str(path), message, "not_a_case_file")
    _refuse_unknown(document, _FILE_FIELDS, str(path))
    seen: set[str] = set()
    for i, case in enumerate(document["cases"]):
        _check_case(case, f"{path}: cases[{i}]")
        if case["id"] in seen:
            raise InvalidInputError.at(
                f"{path}: cases[{i}].id", f"{case['id']!r} is used twice", "duplicate_id"
            )
        seen.add(case["id"])
    return list(document["cases"])


def _check_case(case: Any, path: str) -> None:
    """Refuse a case that lacks a part or has one nobody knows."""
    if not isinstance(case, dict):
        raise InvalidInputError.at(path, "a case is an object", "not_a_case_file")
    numeric = "kind" in case
    _refuse_unknown(case, _NUMBER_FIELDS if numeric else _JOURNEY_FIELDS, path)
    for name in _NUMBER_REQUIRED if numeric else _JOURNEY_REQUIRED:
        if name not in case:
            raise InvalidInputError.at(f"{path}.{name}", "is missing", "not_a_case_file")
    if not isinstance(case["id"], str):
        raise InvalidInputError.at(f"{path}.id", f"{case['id']!r} is not a text", "not_a_case_file")
    for name in ("expect", "input") if numeric else ("expect",):
        if not isinstance(case[name], dict):
            raise InvalidInputError.at(f"{path}.{name}", "is not an object", "not_a_case_file")
    if not case["expect"]:
        raise InvalidInputError.at(
            f"{path}.expect", "expects nothing: name at least one field", "not_a_case_file"
        )
    if numeric and case["kind"] not in KINDS:
        message = f"{case['kind']!r} is not one of {', '.join(KINDS)}"
        raise InvalidInputError.at(f"{path}.kind", message, "not_a_case_file")
    tolerance = case.get("tolerance", 0)
    if isinstance(tolerance, bool) or not isinstance(tolerance, int | float) or tolerance < 0:
        raise InvalidInputError.at(f"{path}.tolerance", f"{tolerance!r} is not a size", "not_a_case_file")


def _refuse_unknown(item: Mapping[str, Any], known: set[str], path: str) -> None:
    """Refuse a field nobody knows."""
    for name in item:
        if name not in known:
            message = f"unknown field; known are {', '.join(sorted(known))}"
            raise InvalidInputError.at(f"{path}.{name}", message, "not_a_case_file")


def _compare_answer(
    expect: Mapping[str, Any], answer: Mapping[str, Any], tolerance: float
) -> list[Difference]:
    """Compare a whole answer: an error stands for everything else."""
    if "error" in answer:
        if expect.get("error") in answer.get("codes", [answer["error"]]):
            return []
        return [Difference("error", expect.get("error", _ABSENT), f"{answer['error']}: {answer['message']}")]
    return list(compare(expect, answer, "", tolerance))


def compare(expected: Any, got: Any, path: str, tolerance: float) -> Iterator[Difference]:
    """Yield the fields of ``expected`` that ``got`` does not have or has otherwise."""
    if isinstance(expected, dict) and isinstance(got, dict):
        # a variant nobody expected is as wrong as a missing one
        names = [*expected, *(name for name in got if path.startswith("metrics.") and name not in expected)]
        for name in names:
            inner = f"{path}.{name}" if path else str(name)
            yield from compare(expected.get(name, _ABSENT), got.get(name, _ABSENT), inner, tolerance)
    elif isinstance(expected, list) and isinstance(got, list):
        if len(expected) != len(got):
            yield Difference(f"{path}.length", len(expected), len(got))
        for i, (one, other) in enumerate(zip(expected, got, strict=False)):
            yield from compare(one, other, f"{path}[{i}]", tolerance)
    elif not _same(expected, got, tolerance, is_key=path.endswith(".key")):
        yield Difference(path, expected, got)


def _same(expected: Any, got: Any, tolerance: float, *, is_key: bool) -> bool:
    """Compare two single values: numbers within the tolerance, instants as instants."""
    if isinstance(expected, bool) or isinstance(got, bool):
        return bool(expected is got or (is_key and str(expected).lower() == got))
    if isinstance(expected, int | float) and isinstance(got, int | float):
        return bool(abs(expected - got) <= tolerance)
    if isinstance(expected, int | float) and is_key:
        return bool(orjson.dumps(expected).decode() == got)
    if isinstance(expected, str) and isinstance(got, str) and expected != got and _INSTANT.fullmatch(got):
        return _same_instant(expected, got)
    return bool(expected == got)


def _same_instant(expected: str, got: str) -> bool:
    """Compare two instants however they are written."""
    try:
        return parse_instant(expected) == parse_instant(got)
    except InvalidInputError:
        return False
