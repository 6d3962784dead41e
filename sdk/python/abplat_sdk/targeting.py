"""Targeting rules, compiled once into closures.

A rule is ``{"all": [..]}``, ``{"any": [..]}``, ``{"not": rule}`` or ``{"attribute": .., "op": .., "value": ..}``.
A rule that is malformed anywhere, or uses an operator unknown to this version, makes nobody eligible: a
``not`` around it must not let everybody in.

An attribute that is missing or null meets no condition but ``exists: false``. The attribute ``unit`` is
the unit itself; ``channel`` is the channel of the call, if one was given.

Segments and personas are groups that a condition refers to by key. A segment may be a list of identifiers,
in which the attribute's value is looked up; any other group is a rule, which refers to no further group.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from math import isfinite
from typing import Any, NamedTuple

from abplat_sdk.instants import parse_micros
from abplat_sdk.regex import PatternError, compile_pattern
from abplat_sdk.semver import parse_version

Attributes = Mapping[str, Any]
Rule = Callable[[Attributes, str, "str | None"], bool]
Test = Callable[[Any], bool]
Membership = Callable[[str], bool]
Group = Callable[[Any, Attributes, str, "str | None"], bool]
"""Asked with the attribute's value, then with what a rule is asked with."""

_MAX_DEPTH = 20


class RuleError(ValueError):
    """A rule is malformed, or uses what this version does not know."""


class Groups(NamedTuple):
    """What rules may refer to by key; None where any key will do, as when a rule is only checked."""

    segments: Mapping[str, Group] | None = None
    personas: Mapping[str, Group] | None = None


NO_GROUPS = Groups({}, {})


def hash_identifier(salt: str, identifier: str) -> str:
    """Return the form in which an identifier appears in a public configuration.

    Examples:
        >>> hash_identifier("vip", "cust:1")[:8]
        '1ea56fa2'
    """
    return hashlib.sha256(f"{salt}:{identifier}".encode()).hexdigest()


def compile_rule(rule: object, groups: Groups = NO_GROUPS) -> Rule:
    """Turn a rule into a function of attributes, unit and channel.

    Returns:
        The function. For a malformed rule it is one that is never true. It raises only where an
        attribute's own methods do.
    """
    try:
        return _compile(rule, groups, 0)
    except RuleError:
        return _nobody


def ask_rule(rule: Rule, attributes: Attributes, unit: str, channel: str | None) -> bool:
    """Ask a rule; a value that raises when it is looked at makes the unit not eligible."""
    try:
        return rule(attributes, unit, channel)
    except Exception:  # noqa: BLE001  # the SDK edge: the host's objects may raise anything
        return False


def compile_members(is_member: Membership) -> Group:
    """Make a group of a list of identifiers."""
    return lambda value, _attributes, _unit, _channel: isinstance(value, str) and is_member(value)


def compile_group(rule: object) -> Group | None:
    """Make a group of a rule; None for one with a fault, so that what refers to it has one, too."""
    try:
        holds = _compile(rule, NO_GROUPS, 0)
    except RuleError:
        return None
    return lambda _value, attributes, unit, channel: holds(attributes, unit, channel)


def check_rule(rule: object, groups: Groups = Groups()) -> None:  # noqa: B008  # it cannot change
    """Say what is wrong with a rule, for whoever writes one.

    Raises:
        RuleError: If the rule would make nobody eligible because it is malformed.
    """
    _compile(rule, groups, 0)


def _nobody(_attributes: Attributes, _unit: str, _channel: str | None) -> bool:
    """Hold for no one."""
    return False


def _compile(rule: object, groups: Groups, depth: int) -> Rule:
    """Compile one node of a rule."""
    if not isinstance(rule, dict) or depth > _MAX_DEPTH:
        raise RuleError("a rule is an object, nested at most 20 deep")
    if "attribute" in rule:
        return _compile_condition(rule, groups)
    if len(rule) != 1:
        raise RuleError("a rule has one of all, any, not, or attribute with op and value")
    (word, inner), *_ = rule.items()
    if word == "not":
        return _negate(_compile(inner, groups, depth + 1))
    if word not in {"all", "any"} or not isinstance(inner, list):
        raise RuleError(f"{word!r} is not a rule, or holds no list")
    parts = tuple(_compile(part, groups, depth + 1) for part in inner)
    return _all(parts) if word == "all" else _any(parts)


def _negate(part: Rule) -> Rule:
    """Hold where the part does not."""
    return lambda attributes, unit, channel: not part(attributes, unit, channel)


def _all(parts: tuple[Rule, ...]) -> Rule:
    """Hold where every part does; an empty list holds for everybody."""

    def rule(attributes: Attributes, unit: str, channel: str | None) -> bool:
        for part in parts:  # noqa: SIM110  # a generator costs twice as much here
            if not part(attributes, unit, channel):
                return False
        return True

    return parts[0] if len(parts) == 1 else rule


def _any(parts: tuple[Rule, ...]) -> Rule:
    """Hold where at least one part does; an empty list holds for nobody."""

    def rule(attributes: Attributes, unit: str, channel: str | None) -> bool:
        for part in parts:  # noqa: SIM110  # a generator costs twice as much here
            if part(attributes, unit, channel):
                return True
        return False

    return parts[0] if len(parts) == 1 else rule


def _compile_condition(rule: dict[str, Any], groups: Groups) -> Rule:
    """Compile a condition on one attribute."""
    name, op = rule["attribute"], rule.get("op")
    if (
        not isinstance(name, str)
        or not isinstance(op, str)
        or not rule.keys() <= {"attribute", "op", "value"}
    ):
        raise RuleError("a condition has attribute, op and value")
    if op == "exists":
        return _exists(name, rule.get("value", True))
    if op == "in_segment":
        return _in_group(name, rule.get("value"), groups.segments)
    if op == "in_persona":
        return _in_group(name, rule.get("value"), groups.personas)
    if op not in _OPERATORS:
        raise RuleError(f"{op!r} is not an operator")
    return _lookup(name, _OPERATORS[op](rule.get("value")))


def _lookup(name: str, test: Test) -> Rule:
    """Test the value of one attribute, if there is any."""
    if name == "unit":
        return lambda _attributes, unit, _channel: test(unit)

    def rule(attributes: Attributes, _unit: str, _channel: str | None) -> bool:
        value = attributes.get(name)
        return value is not None and test(value)

    def channel_rule(attributes: Attributes, _unit: str, channel: str | None) -> bool:
        value = attributes.get(name) if channel is None else channel
        return value is not None and test(value)

    return channel_rule if name == "channel" else rule


def _exists(name: str, wanted: object) -> Rule:
    """Ask whether an attribute is there at all."""
    if not isinstance(wanted, bool):
        raise RuleError("exists takes true or false")
    found = _lookup(name, lambda _value: True)
    return found if wanted else _negate(found)


def _in_group(name: str, key: object, groups: Mapping[str, Group] | None) -> Rule:
    """Ask whether an identifier is listed in a group, or whether the group's rule holds."""
    if not isinstance(key, str) or (groups is not None and key not in groups):
        raise RuleError(f"{key!r} is no such group")
    if groups is None:
        return _nobody
    group = groups[key]
    if name == "unit":
        return lambda attributes, unit, channel: group(unit, attributes, unit, channel)

    def rule(attributes: Attributes, unit: str, channel: str | None) -> bool:
        value = channel if name == "channel" and channel is not None else attributes.get(name)
        return value is not None and group(value, attributes, unit, channel)

    return rule


def _is_number(value: object) -> bool:
    """Tell numbers from truth values and from NaN."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and value == value  # noqa: PLR0124


def _number(value: object) -> float:
    """Require a finite number as the value of a condition."""
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not isfinite(value):
        raise RuleError(f"{value!r} is not a number")
    return value


def _text(value: object) -> str:
    """Require a text as the value of a condition."""
    if not isinstance(value, str):
        raise RuleError(f"{value!r} is not a text")
    return value


def _equals(value: object) -> Test:
    """Compare by type and value: 1 is 1.0, but neither true nor "1"."""
    return _in([value])


def _in(value: object) -> Test:
    """Ask whether a value is one of a list."""
    if not isinstance(value, list) or not all(
        isinstance(item, (str, bool)) or _is_number(item) for item in value
    ):
        raise RuleError("needs texts, numbers, true or false")
    truths = frozenset(item for item in value if isinstance(item, bool))
    others = frozenset(item for item in value if not isinstance(item, bool))

    def test(actual: Any) -> bool:
        if isinstance(actual, bool):
            return actual in truths
        return isinstance(actual, (str, int, float)) and actual in others

    return test


def _greater(value: object) -> Test:
    """Ask for a number above a limit."""
    limit = _number(value)
    return lambda actual: _is_number(actual) and actual > limit


def _greater_or_equal(value: object) -> Test:
    """Ask for a number at or above a limit."""
    limit = _number(value)
    return lambda actual: _is_number(actual) and actual >= limit


def _less(value: object) -> Test:
    """Ask for a number below a limit."""
    limit = _number(value)
    return lambda actual: _is_number(actual) and actual < limit


def _less_or_equal(value: object) -> Test:
    """Ask for a number at or below a limit."""
    limit = _number(value)
    return lambda actual: _is_number(actual) and actual <= limit


def _compare(parse: Callable[[object], Any], holds: Callable[[Any, Any], bool]) -> Callable[[object], Test]:
    """Make an operator that reads both sides with ``parse`` and then compares them."""

    def compile_value(value: object) -> Test:
        limit = parse(value)
        if limit is None:
            raise RuleError(f"{value!r} cannot be compared")

        def test(actual: Any) -> bool:
            parsed = parse(actual)
            return parsed is not None and holds(parsed, limit)

        return test

    return compile_value


def _contains(value: object) -> Test:
    """Ask for a text that holds another."""
    part = _text(value)
    return lambda actual: isinstance(actual, str) and part in actual


def _starts_with(value: object) -> Test:
    """Ask for a text that begins with another."""
    part = _text(value)
    return lambda actual: isinstance(actual, str) and actual.startswith(part)


def _ends_with(value: object) -> Test:
    """Ask for a text that ends with another."""
    part = _text(value)
    return lambda actual: isinstance(actual, str) and actual.endswith(part)


def _matches(value: object) -> Test:
    """Ask for a text in which a pattern is found."""
    try:
        search = compile_pattern(_text(value))
    except PatternError as error:
        raise RuleError(f"{value!r}: {error}") from error
    return lambda actual: isinstance(actual, str) and search(actual)


_OPERATORS: dict[str, Callable[[object], Test]] = {
    "equals": _equals,
    "in": _in,
    "gt": _greater,
    "gte": _greater_or_equal,
    "lt": _less,
    "lte": _less_or_equal,
    "semver_equals": _compare(parse_version, lambda actual, limit: actual == limit),
    "semver_gt": _compare(parse_version, lambda actual, limit: actual > limit),
    "semver_gte": _compare(parse_version, lambda actual, limit: actual >= limit),
    "semver_lt": _compare(parse_version, lambda actual, limit: actual < limit),
    "semver_lte": _compare(parse_version, lambda actual, limit: actual <= limit),
    "before": _compare(parse_micros, lambda actual, limit: actual < limit),
    "after": _compare(parse_micros, lambda actual, limit: actual > limit),
    "contains": _contains,
    "starts_with": _starts_with,
    "ends_with": _ends_with,
    "matches": _matches,
}
OPERATORS = frozenset({*_OPERATORS, "exists", "in_segment", "in_persona"})
