"""Targeting rules: checked when they are saved, so that evaluating one can neither fail nor hang.

A rule is ``{all: [..]}``, ``{any: [..]}``, ``{not: R}`` or a condition
``{attribute: name, op: .., value: ..}``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from abplat_sdk.targeting import RuleError
from abplat_sdk.targeting import check_rule as check_as_evaluated

from abplat.clock import parse_instant
from abplat.domain.fields import MAX_TITLE, Fields, is_number, show, unstorable
from abplat.errors import InvalidInputError, Problem

MAX_RULE_DEPTH: Final = 8
MAX_CONDITIONS: Final = 200
MAX_VALUES: Final = 10_000
MAX_PATTERN: Final = 200
STAGE: Final = "journey_stage:"
"""Attribute ``journey_stage:KEY`` is the stage reached in the open journey KEY."""
GROUP_OPERATORS: Final = {"in_segment": "segments", "in_persona": "personas"}
MAX_TEXT_VALUE: Final = 1_000

_SEMVER = re.compile(
    r"(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?"
)


def check_rule(rule: Any, fields: Fields, name: str = "targeting") -> None:
    """Note every fault of a rule as a fault of a field."""
    before = len(fields.problems)
    counted = sum(1 for _ in _walk(rule, fields, name, 1))
    if counted > MAX_CONDITIONS:
        fields.fault(name, f"has {counted} conditions; at most {MAX_CONDITIONS} are evaluated", "too_many")
    if len(fields.problems) == before:
        _check_as_evaluated(rule, fields, name)


def _check_as_evaluated(rule: Any, fields: Fields, name: str) -> None:
    """Note what the evaluator itself would not take: nobody would be eligible."""
    try:
        check_as_evaluated(rule)
    except RuleError as error:
        fields.fault(name, f"cannot be evaluated: {error}", "bad_rule")


def check_group_rule(rule: Any, fields: Fields, name: str = "rule") -> None:
    """Note every fault of the rule of a segment or persona, which refers to no other group."""
    check_rule(rule, fields, name)
    for condition in list_conditions(rule, name):
        if condition.op in GROUP_OPERATORS:
            message = "refers to another group; write the conditions of that group instead"
            fields.fault(condition.path, message, "nested_group")


class Condition(NamedTuple):
    """One condition of a rule and its place."""

    path: str
    attribute: str
    op: str
    value: Any


def list_conditions(rule: Any, path: str = "targeting") -> Iterator[Condition]:
    """Yield the conditions of a rule; what is no rule has none.

    Examples:
        >>> [each.attribute for each in list_conditions({"not": {"attribute": "a", "op": "exists"}})]
        ['a']
    """
    if not isinstance(rule, dict):
        return
    if "attribute" in rule:
        yield Condition(path, str(rule["attribute"]), str(rule.get("op")), rule.get("value"))
        return
    for word, inner in rule.items():
        parts = enumerate(inner) if isinstance(inner, list | tuple) else [(None, inner)]
        for index, part in parts:
            yield from list_conditions(part, f"{path}.{word}" + (f"[{index}]" if index is not None else ""))


def list_groups(rule: Any) -> dict[str, list[str]]:
    """Return the keys of the segments and personas that a rule refers to, by noun."""
    found: dict[str, set[str]] = {noun: set() for noun in GROUP_OPERATORS.values()}
    for condition in list_conditions(rule):
        if condition.op in GROUP_OPERATORS and isinstance(condition.value, str):
            found[GROUP_OPERATORS[condition.op]].add(condition.value)
    return {noun: sorted(keys) for noun, keys in found.items()}


def asks_for_standing(rule: Any) -> bool:
    """Tell whether a rule looks at where a customer stands: lifecycle state or stage reached (R11)."""
    return any(
        condition.attribute == "lifecycle_state" or condition.attribute.startswith(STAGE)
        for condition in list_conditions(rule)
    )


def check_targets(rule: Any, known: Mapping[str, Mapping[str, Any]], path: str) -> Iterator[Problem]:
    """Yield every reference of a rule that leads nowhere: segments, personas, journeys, stages.

    Args:
        rule: A rule without faults, or None.
        known: The definitions of the project by noun and key.
        path: Where the rule stands.
    """
    for condition in list_conditions(rule, path):
        noun = GROUP_OPERATORS.get(condition.op)
        if noun is not None and condition.value not in known[noun]:
            word = noun.removesuffix("s")
            there = ", ".join(sorted(known[noun])[:10]) or "none yet"
            message = f"{show(condition.value)} is not a {word} of this project; there are: {there}"
            yield Problem(f"{condition.path}.value", message, f"unknown_{word}")
        if condition.attribute.startswith(STAGE):
            yield from _check_stage(condition, known["journeys"])


def _check_stage(condition: Condition, journeys: Mapping[str, Any]) -> Iterator[Problem]:
    """Check that a journey, and the stages of it that a condition compares with, are there."""
    key = condition.attribute.removeprefix(STAGE)
    if key not in journeys:
        there = ", ".join(sorted(journeys)[:10]) or "none yet"
        message = f"{show(key)} is not a journey of this project; there are: {there}"
        yield Problem(f"{condition.path}.attribute", message, "unknown_journey")
        return
    stages = [stage["key"] for stage in journeys[key]["stages"]]
    wanted = {"equals": [condition.value], "in": condition.value}.get(condition.op, [])
    for stage in wanted:
        if stage not in stages:
            message = f"{show(stage)} is not a stage of {key}; it has: {', '.join(stages)}"
            yield Problem(f"{condition.path}.value", message, "unknown_stage")


def _walk(rule: Any, fields: Fields, path: str, depth: int) -> Iterator[str]:
    """Visit a rule and yield the path of every condition."""
    if depth > MAX_RULE_DEPTH:
        fields.fault(path, f"is nested deeper than {MAX_RULE_DEPTH} levels", "too_deep")
    elif not isinstance(rule, dict):
        fields.fault(path, f"{show(rule)} is not a rule; write all, any, not or attribute", "bad_rule")
    elif "attribute" in rule or "op" in rule:
        _check_condition(rule, fields, path)
        yield path
    elif len(rule) != 1 or next(iter(rule)) not in ("all", "any", "not"):
        fields.fault(
            path, "a rule has exactly one of all, any, not, or attribute with op and value", "bad_rule"
        )
    else:
        yield from _walk_parts(rule, fields, path, depth)


def _walk_parts(rule: dict[str, Any], fields: Fields, path: str, depth: int) -> Iterator[str]:
    """Visit the parts of all, any or not."""
    word, parts = next(iter(rule.items()))
    if word == "not":
        yield from _walk(parts, fields, f"{path}.not", depth + 1)
    elif not isinstance(parts, list | tuple) or not 1 <= len(parts) <= MAX_CONDITIONS:
        fields.fault(f"{path}.{word}", f"needs a list of 1 to {MAX_CONDITIONS} rules", "bad_rule")
    else:
        for index, part in enumerate(parts):
            yield from _walk(part, fields, f"{path}.{word}[{index}]", depth + 1)


def _check_condition(rule: dict[str, Any], fields: Fields, path: str) -> None:
    """Check one condition: its attribute, its operator, and the value that the operator takes."""
    condition = Fields(rule, fields.where(path), fields.problems)
    condition.text("attribute")
    operator = condition.choice("op", tuple(_OPERATORS))
    value = condition.value("value", None)
    condition.no_more()
    if operator in _OPERATORS and rule.get("op") == operator:
        fault = _OPERATORS[operator](value)
        if fault:
            condition.fault("value", f"{show(value)} {fault}", "bad_value")


def _scalar(value: Any) -> str | None:
    """Check a text, number or flag."""
    if isinstance(value, bool) or is_number(value):
        return None
    return _text(value) and "is not a text, number or flag"


def _text(value: Any) -> str | None:
    """Check a text."""
    good = isinstance(value, str) and 0 < len(value) <= MAX_TEXT_VALUE and not unstorable(value)
    return None if good else f"is not a text of 1 to {MAX_TEXT_VALUE} characters"


def _values(value: Any) -> str | None:
    """Check a list to look a value up in."""
    if not isinstance(value, list | tuple) or not 1 <= len(value) <= MAX_VALUES:
        return f"is not a list of 1 to {MAX_VALUES} values"
    return "holds something other than texts, numbers and flags" if any(map(_scalar, value)) else None


def _number(value: Any) -> str | None:
    """Check a number."""
    return None if is_number(value) else "is not a finite number"


def _version(value: Any) -> str | None:
    """Check a semantic version."""
    good = isinstance(value, str) and len(value) <= MAX_TITLE and _SEMVER.fullmatch(value)
    return None if good else "is not a semantic version such as 2.10.0"


def _instant(value: Any) -> str | None:
    """Check an instant."""
    try:
        parse_instant(value)
    except InvalidInputError:
        return "is not an instant with an offset, such as 2024-03-04T10:00:00Z"
    return None


def _presence(value: Any) -> str | None:
    """Check the value of ``exists``: true, false, or nothing for true."""
    return None if value is None or isinstance(value, bool) else "is neither true nor false"


_OPERATORS: Final[dict[str, Callable[[Any], str | None]]] = {
    "equals": _scalar,
    "in": _values,
    **dict.fromkeys(("gt", "gte", "lt", "lte"), _number),
    **dict.fromkeys(("semver_gt", "semver_gte", "semver_lt", "semver_lte", "semver_equals"), _version),
    **dict.fromkeys(("before", "after"), _instant),
    **dict.fromkeys(("contains", "starts_with", "ends_with", *GROUP_OPERATORS), _text),
    "matches": lambda value: fault_of_pattern(value),  # noqa: PLW0108  # defined below
    "exists": _presence,
}


# The subset of regular expressions that every language reads alike and no text can make slow:
# no look-around, no back-references, no flags, nothing repeated inside something repeated.
_TOKEN = re.compile(
    r"""(?P<escape>\\[dDwWsSbB.^$*+?()\[\]{}|/\\-])
      | (?P<set>\[\^?(?:\\[dDwWsS.^$*+?()\[\]{}|/\\-]|[^\[\]\\])+\])
      | (?P<open>\((?:\?:)?)(?!\?)
      | (?P<close>\))
      | (?P<repeat>(?:[*+?]|\{\d{1,4}(?:,\d{0,4})?\})\??)
      | (?P<either>\|)
      | (?P<plain>[^\\\[\](){}*+?|])""",
    re.VERBOSE | re.DOTALL,
)
_MAX_REPEAT = 1_000
_MAX_OPEN_REPEATS = 3


def fault_of_pattern(pattern: Any) -> str | None:
    """Say why a regular expression is outside the safe subset, or None when it is inside.

    Examples:
        >>> fault_of_pattern("^CH-[0-9]{4}$")
        >>> fault_of_pattern("(a+)+b")
        'repeats something that itself repeats or chooses; write it without the inner one'
    """
    if _text(pattern) or len(pattern) > MAX_PATTERN:
        return f"is not a pattern of 1 to {MAX_PATTERN} characters"
    tokens = _tokens(pattern)
    if tokens is None:
        return "uses what the safe subset lacks: look-around, back-references, flags or unknown escapes"
    try:
        re.compile(pattern)
    except (re.error, OverflowError) as error:
        return f"is not a regular expression: {error}"
    return _fault_of_repeats(tokens)


def _tokens(pattern: str) -> list[tuple[str, str]] | None:
    """Split a pattern into the subset's tokens; None where something else stands in it."""
    tokens, position = [], 0
    while position < len(pattern):
        found = _TOKEN.match(pattern, position)
        if found is None or found.lastgroup is None:
            return None
        tokens.append((found.lastgroup, found[0]))
        position = found.end()
    return tokens


def _fault_of_repeats(tokens: list[tuple[str, str]]) -> str | None:
    """Refuse nested, huge and too many repetitions: they are what makes matching slow."""
    groups: list[bool] = []  # for each open group: does it hold a repetition or a choice?
    closed_busy, unbounded = False, 0
    for kind, text in tokens:
        if kind == "open":
            groups.append(False)
        elif kind == "repeat":
            if closed_busy and text.rstrip("?") != "":
                return "repeats something that itself repeats or chooses; write it without the inner one"
            if any(int(number) > _MAX_REPEAT for number in re.findall(r"\d+", text)):
                return f"repeats more than {_MAX_REPEAT} times"
            unbounded += text[0] in "*+" or ",}" in text
        if kind in ("repeat", "either"):
            groups = [True] * len(groups)
        closed_busy = kind == "close" and bool(groups) and groups.pop()
    if unbounded > _MAX_OPEN_REPEATS:
        return f"has {unbounded} unbounded repetitions; at most {_MAX_OPEN_REPEATS} keep it quick"
    return None
