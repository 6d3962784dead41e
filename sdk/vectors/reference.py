"""The naive reference: decisions worked out from the raw document, step by step, to be read.

This file shares no code with any SDK on purpose: it is a second opinion.
"""

from __future__ import annotations

import hashlib
import re
from datetime import datetime
from typing import Any


def words(salt: str, unit: str) -> tuple[int, int]:
    """Read the first two words of the digest, digit by digit."""
    digits = hashlib.md5((salt + ":" + unit).encode("utf-8"), usedforsecurity=False).hexdigest()
    return int(digits[0:8], 16), int(digits[8:16], 16)


# ---- targeting, straight from the table of operators ------------------------------------------------


def is_number(value: Any) -> bool:
    """Tell numbers from truth values."""
    return type(value) in (int, float)


def same(left: Any, right: Any) -> bool:
    """Compare as JSON does: by kind, then by value."""
    if is_number(left) and is_number(right):
        return bool(left == right)
    return type(left) is type(right) and bool(left == right)


def read_version(text: Any) -> tuple[list[int], list[str]] | None:
    """Split a semantic version into numbers and pre-release words."""
    pattern = r"v?(\d+(?:\.\d+){0,2})(?:-([0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?"
    found = re.fullmatch(pattern, text, re.ASCII) if isinstance(text, str) else None
    if not found:
        return None
    parts = found[1].split(".")
    if any(len(part) > 1 and part[0] == "0" for part in parts):
        return None
    numbers = [int(part) for part in parts]
    return numbers + [0] * (3 - len(numbers)), found[2].split(".") if found[2] else []


def compare_words(left: str, right: str) -> int:
    """Compare two pre-release words: numbers by value and before texts, texts by code."""
    if left.isdigit() and right.isdigit():
        return (int(left) > int(right)) - (int(left) < int(right))
    if left.isdigit() != right.isdigit():
        return -1 if left.isdigit() else 1
    return (left > right) - (left < right)


def compare_versions(left: tuple[list[int], list[str]], right: tuple[list[int], list[str]]) -> int:
    """Compare by rule 11 of semver.org."""
    if left[0] != right[0]:
        return 1 if left[0] > right[0] else -1
    if not left[1] or not right[1]:
        return bool(right[1]) - bool(left[1])
    for one, other in zip(left[1], right[1], strict=False):
        if compare_words(one, other):
            return compare_words(one, other)
    return len(left[1]) - len(right[1])


def read_instant(text: Any) -> float | None:
    """Read an instant with an offset, or a date."""
    if not isinstance(text, str):
        return None
    if re.fullmatch(r"\d{4}-\d\d-\d\d", text):
        text += "T00:00:00Z"
    if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)", text):
        return None
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        return None


class Malformed(Exception):  # noqa: N818  # it is no error of this program
    """A rule makes nobody eligible."""


SAFE_PATTERNS = {"^cust:[0-9]+$", "(foo|bar)+$", "^a{2,3}$", r"\d{4}-\w+", "caf.", "^$", "[^a-z]", r"\.csv$"}


def compare_number(op: str, actual: Any, value: Any) -> bool:
    """Hold for gt, gte, lt and lte."""
    if not is_number(value):
        raise Malformed
    if not is_number(actual):
        return False
    return bool(
        {"gt": actual > value, "gte": actual >= value, "lt": actual < value, "lte": actual <= value}[op]
    )


def compare_semver(op: str, actual: Any, value: Any) -> bool:
    """Hold for the operators on semantic versions."""
    limit, given = read_version(value), read_version(actual)
    if limit is None:
        raise Malformed
    if given is None:
        return False
    sign = compare_versions(given, limit)
    return {
        "semver_equals": sign == 0,
        "semver_gt": sign > 0,
        "semver_gte": sign >= 0,
        "semver_lt": sign < 0,
        "semver_lte": sign <= 0,
    }[op]


def compare_instant(op: str, actual: Any, value: Any) -> bool:
    """Hold for before and after."""
    limit, given = read_instant(value), read_instant(actual)
    if limit is None:
        raise Malformed
    return given is not None and (given < limit if op == "before" else given > limit)


def compare_text(op: str, actual: Any, value: Any) -> bool:
    """Hold for the operators on texts."""
    if not isinstance(value, str) or (op == "matches" and value not in SAFE_PATTERNS):
        raise Malformed
    if not isinstance(actual, str):
        return False
    if op == "contains":
        return value in actual
    if op == "starts_with":
        return actual[: len(value)] == value
    if op == "ends_with":
        return value == "" or actual[-len(value) :] == value
    return len(actual) <= 512 and re.search(value.replace("$", r"\Z"), actual, re.ASCII) is not None


def compare_list(op: str, actual: Any, value: Any) -> bool:
    """Hold for equals and in."""
    allowed = [value] if op == "equals" else value
    if not isinstance(allowed, list) or any(type(item) not in (str, bool, int, float) for item in allowed):
        raise Malformed
    return any(same(actual, item) for item in allowed)


def check_rule(rule: Any) -> None:
    """Look at every part of a rule that stands by itself; it may refer to no other group."""
    call = {"unit": "cust:1", "attributes": {}, "channel": None}
    holds(rule, call, {"segments": {}, "personas": {}})


def find_group(groups: dict[str, Any], key: Any) -> dict[str, Any]:
    """Return a segment or persona; there must be one, and its rule must be sound."""
    if not isinstance(key, str) or key not in groups:
        raise Malformed
    group: dict[str, Any] = groups[key]
    if "members" not in group:
        check_rule(group["rule"])
    return group


def in_group(group: dict[str, Any], actual: Any, call: dict[str, Any]) -> bool:
    """Ask whether a call belongs to a segment or persona: one that has a rule goes by the whole call."""
    if actual is None:
        return False
    if "members" in group:
        return is_member(group, actual)
    return holds(group["rule"], call, {"segments": {}, "personas": {}})


def is_member(segment: dict[str, Any], identifier: Any) -> bool:
    """Look an identifier up in a segment."""
    if not isinstance(identifier, str):
        return False
    if segment.get("hashed") is True:
        identifier = hashlib.sha256((segment.get("salt", "") + ":" + identifier).encode()).hexdigest()
    return identifier in segment["members"]


KINDS = {
    **dict.fromkeys(["equals", "in"], compare_list),
    **dict.fromkeys(["gt", "gte", "lt", "lte"], compare_number),
    **dict.fromkeys(["semver_equals", "semver_gt", "semver_gte", "semver_lt", "semver_lte"], compare_semver),
    **dict.fromkeys(["before", "after"], compare_instant),
    **dict.fromkeys(["contains", "starts_with", "ends_with", "matches"], compare_text),
}


def holds(rule: Any, call: dict[str, Any], document: dict[str, Any]) -> bool:
    """Evaluate a rule; every part is looked at, so that no fault hides behind another part."""
    if not isinstance(rule, dict):
        raise Malformed
    if "attribute" in rule:
        return condition_holds(rule, call, document)
    if set(rule) == {"not"}:
        return not holds(rule["not"], call, document)
    if set(rule) not in ({"all"}, {"any"}):
        raise Malformed
    parts = next(iter(rule.values()))
    if not isinstance(parts, list):
        raise Malformed
    results = [holds(part, call, document) for part in parts]
    return all(results) if "all" in rule else any(results)


def condition_holds(rule: dict[str, Any], call: dict[str, Any], document: dict[str, Any]) -> bool:
    """Evaluate one condition."""
    name, op, value = rule["attribute"], rule.get("op"), rule.get("value")
    if not isinstance(name, str) or set(rule) - {"attribute", "op", "value"}:
        raise Malformed
    actual = (call["attributes"] or {}).get(name)
    if name == "unit":
        actual = call["unit"]
    if name == "channel" and call["channel"] is not None:
        actual = call["channel"]
    if op == "exists":
        wanted = rule.get("value", True)
        if not isinstance(wanted, bool):
            raise Malformed
        return (actual is not None) == wanted
    if op in ("in_segment", "in_persona"):
        groups = document.get("segments" if op == "in_segment" else "personas", {})
        return in_group(find_group(groups, value), actual, call)
    if op not in KINDS:
        raise Malformed
    if actual is None:
        KINDS[op]("equals" if op == "in" else op, "", value) if op != "in" else compare_list("in", "", value)
        return False
    return KINDS[op](op, actual, value)


def is_eligible(rule: Any, call: dict[str, Any], document: dict[str, Any]) -> bool:
    """Evaluate a whole rule; a malformed one makes nobody eligible."""
    try:
        return holds(rule, call, document)
    except Malformed:
        return False


# ---- decisions, in the order of the contract -------------------------------------------------------


def decide(document: dict[str, Any], call: dict[str, Any]) -> dict[str, Any]:
    """Work out one decision."""
    found = [experiment for experiment in document["experiments"] if experiment["key"] == call["key"]]
    unit = call["unit"]
    if isinstance(unit, int) and not isinstance(unit, bool):
        unit = str(unit)
    valid = isinstance(unit, str) and 1 <= len(unit) <= 256 and not re.search("[\ud800-\udfff]", unit)
    if not found:
        return outcome(None, None, "unknown_experiment", None, unit if valid else "", call)
    experiment = found[0]
    if not valid:
        return outcome(experiment, experiment["control"], "invalid_unit", None, "", call)
    variant, reason, bucket = choose(document, experiment, {**call, "unit": unit})
    return outcome(experiment, variant, reason, bucket, unit, call)


def choose(  # noqa: C901, PLR0911  # one step per reason, in their order, is what this file is for
    document: dict[str, Any], experiment: dict[str, Any], call: dict[str, Any]
) -> tuple[str, str, int | None]:
    """Go through the reasons in their order."""
    unit, control = call["unit"], experiment["control"]
    keys = [variant["key"] for variant in experiment["variants"]]
    if experiment["state"] != "running" or experiment["hash_version"] != 1:
        return control, "off", None
    forced = find_override(experiment["overrides"], unit)
    if forced in keys:
        return forced, "override", None
    for holdout in experiment["holdouts"]:
        if words(holdout["salt"], unit)[0] % 10000 < holdout["share"]:
            return control, "holdout", None
    pin = call["pin"] if call["pin"] is not None else (call.get("pins") or {}).get(experiment["key"])
    if pin in keys:
        return pin, "pinned", None
    rule = experiment["targeting"]
    if rule is not None and not is_eligible(rule, call, document):
        return control, "not_targeted", None
    if not all(is_met(document, need, call) for need in experiment.get("prerequisites", [])):
        return control, "not_targeted", None
    if experiment["layer"] is not None:
        first, end = experiment["layer"]["slot"]
        if not first <= words(experiment["layer"]["salt"], unit)[0] % 10000 < end:
            return control, "not_in_layer", None
    split, inclusion = (word % 10000 for word in words(experiment["salt"], unit))
    if not inclusion < experiment["included"]:
        return control, "not_included", split
    for variant in experiment["variants"]:
        if split < variant["bound"]:
            return variant["key"], "split", split
    raise AssertionError("bounds do not reach 10000")


def is_met(document: dict[str, Any], need: dict[str, Any], call: dict[str, Any]) -> bool:
    """Decide the other experiment for the same call, with its own pin."""
    pins = call.get("pins") or {}
    other = decide(document, {**call, "key": need["experiment"], "pin": pins.get(need["experiment"])})
    return other["in_experiment"] and other["variant"] in need["variants"]


def find_override(overrides: dict[str, Any], unit: str) -> Any:
    """Look an override up, hashed or not."""
    if overrides.get("hashed") is True:
        name = hashlib.sha256((overrides.get("salt", "") + ":" + unit).encode()).hexdigest()
        return overrides["units"].get(name)
    return overrides.get(unit)


def outcome(
    experiment: dict[str, Any] | None,
    variant: Any,
    reason: str,
    bucket: int | None,
    unit: str,
    call: dict[str, Any],
) -> dict[str, Any]:
    """Write down a decision."""
    payload = None
    for candidate in experiment["variants"] if experiment else []:
        if candidate["key"] == variant:
            payload = candidate.get("payloads", {}).get(call["channel"])
    return {
        "variant": variant,
        "payload": payload,
        "in_experiment": reason in ("split", "pinned"),
        "reason": reason,
        "bucket": bucket,
        "unit": unit,
        "unit_type": experiment["unit_type"] if experiment else "",
        "hash_version": experiment["hash_version"] if experiment else 0,
    }
