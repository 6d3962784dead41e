"""Write the conformance vectors from the words of the contract, the slow and plain way.

This file shares no code with any SDK on purpose: it is a second opinion, written to be read. It works out
every decision from the raw document, step by step. Run ``python sdk/vectors/generate.py`` to write the
files anew, ``--check`` to see whether they are up to date.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import re
import sys
from datetime import datetime
from functools import cmp_to_key
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
HOSTILE = {
    "emoji": "cust:🎪🤹‍♀️",
    "nul": "cust:a\x00b",
    "proto": "__proto__",
    "constructor": "constructor",
    "hasOwnProperty": "hasOwnProperty",
    "null": "null",
    "true": "true",
    "256 characters": "c" * 256,
    "256 emoji": "🎪" * 256,
    "NFC": "cust:caf\u00e9",
    "NFD": "cust:cafe\u0301",
    "right to left": "cust:\u202eabc\u202c\u05d0\u05d1",
    "zero width": "cust:a\u200bb",
    "spaces": "  cust:1  ",
    "one space": " ",
    "newline": "cust:1\n",
    "upper": "CUST:1",
    "lower": "cust:1",
    "colon": "cust:1:2",
    "quote": "cust:'; --",
    "backslash": "cust:\\u0041",
    "number text": "7",
    "zero padded": "007",
    "float text": "7.0",
    "minus": "-7",
    "turkish": "cust:İıſß",
    "hash-like": "0" * 32,
    "bom": "\ufeffcust:1",
}


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


def is_member(segment: dict[str, Any], identifier: Any) -> bool:
    """Look an identifier up in a segment."""
    if segment.get("hashed") is True and isinstance(identifier, str):
        identifier = hashlib.sha256((segment.get("salt", "") + ":" + identifier).encode()).hexdigest()
    return identifier in segment["members"]


KINDS = {
    **dict.fromkeys(["equals", "in"], compare_list),
    **dict.fromkeys(["gt", "gte", "lt", "lte"], compare_number),
    **dict.fromkeys(["semver_equals", "semver_gt", "semver_gte", "semver_lt", "semver_lte"], compare_semver),
    **dict.fromkeys(["before", "after"], compare_instant),
    **dict.fromkeys(["contains", "starts_with", "ends_with", "matches"], compare_text),
}


def holds(rule: Any, call: dict[str, Any], segments: dict[str, Any]) -> bool:
    """Evaluate a rule; every part is looked at, so that no fault hides behind another part."""
    if not isinstance(rule, dict):
        raise Malformed
    if "attribute" in rule:
        return condition_holds(rule, call, segments)
    if set(rule) == {"not"}:
        return not holds(rule["not"], call, segments)
    if set(rule) not in ({"all"}, {"any"}):
        raise Malformed
    parts = next(iter(rule.values()))
    if not isinstance(parts, list):
        raise Malformed
    results = [holds(part, call, segments) for part in parts]
    return all(results) if "all" in rule else any(results)


def condition_holds(rule: dict[str, Any], call: dict[str, Any], segments: dict[str, Any]) -> bool:
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
    if op == "in_segment":
        if not isinstance(value, str) or value not in segments:
            raise Malformed
        return actual is not None and is_member(segments[value], actual)
    if op not in KINDS:
        raise Malformed
    if actual is None:
        KINDS[op]("equals" if op == "in" else op, "", value) if op != "in" else compare_list("in", "", value)
        return False
    return KINDS[op](op, actual, value)


def is_eligible(rule: Any, call: dict[str, Any], segments: dict[str, Any]) -> bool:
    """Evaluate a whole rule; a malformed one makes nobody eligible."""
    try:
        return holds(rule, call, segments)
    except Malformed:
        return False


# ---- decisions, in the order of the contract -------------------------------------------------------


def decide(document: dict[str, Any], call: dict[str, Any]) -> dict[str, Any]:
    """Work out one decision."""
    found = [experiment for experiment in document["experiments"] if experiment["key"] == call["key"]]
    unit = call["unit"]
    if isinstance(unit, int) and not isinstance(unit, bool):
        unit = str(unit)
    valid = isinstance(unit, str) and 1 <= len(unit) <= 256
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
    if call["pin"] in keys:
        return call["pin"], "pinned", None
    rule = experiment["targeting"]
    if rule is not None and not is_eligible(rule, call, document.get("segments", {})):
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


# ---- the cases -------------------------------------------------------------------------------------


def experiment(key: str, weights: list[int], **fields: Any) -> dict[str, Any]:
    """Describe an experiment."""
    names = ["control", "treatment", "third", "fourth", "fifth"][: len(weights)]
    bounds = list(itertools.accumulate(weights))
    payloads = [{"web": {"title": name}, "store": {"script": f"say {name}"}} for name in names]
    variants = [
        {"key": name, "bound": bound, "payloads": payload}
        for name, bound, payload in zip(names, bounds, payloads, strict=True)
    ]
    return {
        "key": key,
        "salt": hashlib.sha256(key.encode()).hexdigest()[:16],
        "hash_version": 1,
        "unit_type": "cust",
        "state": "running",
        "layer": None,
        "holdouts": [],
        "included": 10000,
        "control": "control",
        "variants": variants,
        "targeting": None,
        "overrides": {},
        **fields,
    }


def hashed_units(salt: str, units: dict[str, str]) -> dict[str, Any]:
    """Hide the units of overrides."""
    named = {
        hashlib.sha256(f"{salt}:{unit}".encode()).hexdigest(): variant for unit, variant in units.items()
    }
    return {"hashed": True, "salt": salt, "units": named}


def make_document() -> dict[str, Any]:
    """Describe a project that has everything."""
    overrides = {
        "cust:qa": "treatment",
        "cust:lost": "no-such-variant",
        "__proto__": "treatment",
        "cust:held": "third",
    }
    layer = {"key": "checkout", "salt": "a1b2c3d4e5f60718"}
    holdout = {"key": "global", "salt": "00ff00ff00ff00ff", "share": 2500}
    german = {"attribute": "country", "op": "in", "value": ["DE", "AT"]}
    broken = {"attribute": "country", "op": "smells_like", "value": "DE"}
    vip = hashlib.sha256(b"vip-salt:cust:1").hexdigest()
    return {
        "schema_version": 1,
        "version": "0123456789abcdef",
        "project": "vectors",
        "segments": {
            "vip": {"members": ["cust:1", "cust:🎪🤹‍♀️"]},
            "hidden": {"hashed": True, "salt": "vip-salt", "members": [vip]},
        },
        "experiments": [
            experiment("half", [5000, 5000]),
            experiment("uneven", [9000, 1000]),
            experiment("three", [3333, 3333, 3334]),
            experiment("four", [1000, 2000, 3000, 4000]),
            experiment("five", [2000, 2000, 2000, 2000, 2000]),
            experiment("empty-first", [0, 10000]),
            experiment("empty-middle", [5000, 0, 5000]),
            experiment("ramp-0", [5000, 5000], included=0),
            experiment("ramp-1", [5000, 5000], included=100, salt="ramp0000ramp0000"),
            experiment("ramp-20", [5000, 5000], included=2000, salt="ramp0000ramp0000"),
            experiment("ramp-80", [5000, 5000], included=8000, salt="ramp0000ramp0000"),
            experiment("stopped", [5000, 5000], state="stopped", overrides={"cust:qa": "treatment"}),
            experiment("future-hash", [5000, 5000], hash_version=2),
            experiment("slot-low", [5000, 5000], layer={**layer, "slot": [0, 5000]}),
            experiment("slot-high", [5000, 5000], layer={**layer, "slot": [5000, 10000]}),
            experiment("slot-none", [5000, 5000], layer={**layer, "slot": [700, 700]}),
            experiment("held", [5000, 5000], holdouts=[holdout]),
            experiment(
                "twice-held", [5000, 5000], holdouts=[holdout, {**holdout, "salt": "1234abcd1234abcd"}]
            ),
            experiment(
                "forced", [3000, 3000, 4000], overrides=overrides, holdouts=[{**holdout, "share": 10000}]
            ),
            experiment("hidden-forced", [5000, 5000], overrides=hashed_units("s1", {"cust:qa": "treatment"})),
            experiment("german", [5000, 5000], targeting=german),
            experiment("broken-rule", [5000, 5000], targeting={"not": broken}),
            experiment(
                "vips", [5000, 5000], targeting={"attribute": "unit", "op": "in_segment", "value": "vip"}
            ),
            experiment(
                "web-only", [5000, 5000], targeting={"attribute": "channel", "op": "equals", "value": "web"}
            ),
            experiment(
                "everything",
                [2500, 2500, 5000],
                holdouts=[holdout],
                layer={**layer, "slot": [0, 8000]},
                included=7000,
                overrides={"cust:qa": "third"},
                targeting={"any": [german, {"attribute": "vip", "op": "equals", "value": True}]},
            ),
        ],
    }


def make_calls(document: dict[str, Any]) -> list[dict[str, Any]]:
    """List what is asked."""
    keys = [found["key"] for found in document["experiments"]]
    calls = [call(key, f"cust:{number}") for key in keys for number in range(1, 9)]
    calls += [call(key, unit) for key in ("half", "five") for unit in HOSTILE.values()]
    calls += [call(key, unit) for key in ("half", "held") for unit in (7, 0, -7, 9007199254740991)]
    calls += [
        call("half", unit) for unit in ("", "c" * 257, "🎪" * 257, None, True, False, 1.5, [], {}, ["cust:1"])
    ]
    calls += [
        call("stopped", ""),
        call("no-such", "cust:1"),
        call("no-such", ""),
        call("__proto__", "cust:1"),
    ]
    calls += [call(key, "cust:1") for key in ("constructor", "toString", "Half", "half ")]
    for unit in ("cust:qa", "cust:lost", "__proto__", "cust:held", "cust:9"):
        calls += [call(key, unit) for key in ("forced", "hidden-forced", "stopped", "everything")]
    for pin in ("treatment", "control", "no-such-variant", "", "__proto__"):
        calls += [
            call(key, f"cust:{n}", pin=pin)
            for key in ("half", "stopped", "held", "german")
            for n in (1, 2, 3)
        ]
        calls += [call("forced", "cust:qa", pin=pin), call("slot-none", "cust:5", pin=pin)]
        calls += [call("ramp-0", "cust:5", pin=pin), call("web-only", "cust:5", pin=pin)]
    for channel in ("web", "store", "app", None):
        calls += [
            call(key, f"cust:{n}", channel=channel) for key in ("half", "three", "web-only") for n in (1, 2)
        ]
        calls += [
            call("web-only", "cust:3", {"channel": "web"}, channel=channel),
            call("half", "", channel=channel),
        ]
    for attributes in (
        {"country": "DE"},
        {"country": "FR"},
        {"country": None},
        {},
        None,
        {"vip": True},
        {"vip": 1},
    ):
        calls += [
            call(key, f"cust:{n}", attributes)
            for key in ("german", "everything", "broken-rule")
            for n in range(20, 26)
        ]
    calls += [call("vips", unit) for unit in ("cust:1", "cust:2", "cust:🎪🤹‍♀️")]
    return calls


def call(key: str, unit: Any, attributes: Any = None, pin: Any = None, channel: Any = None) -> dict[str, Any]:
    """Describe one question."""
    return {"key": key, "unit": unit, "attributes": attributes, "pin": pin, "channel": channel}


def condition(op: str, value: Any, attribute: str = "a") -> dict[str, Any]:
    """Describe one condition."""
    return {"attribute": attribute, "op": op, "value": value}


def make_rules() -> list[tuple[Any, list[Any]]]:
    """List rules with values of the attribute ``a`` to try them on."""
    mixed = ["x", "", 1, 1.0, 0, True, False, None, "1", [], {}, ["x"]]
    versions = [
        "1.2.3",
        "1.2.3-rc.1",
        "1.2.3-rc.2",
        "1.2.3-rc.10",
        "1.2.3-alpha",
        "1.2",
        "v1.2.3",
        "1.2.3+b7",
        "2",
        "1.02.3",
        "",
        "x",
        1,
    ]
    versions += ["1.2.3-1", "1.2.3-rc", "1.10.0", "1.2.3.4", "0.9.99"]
    instants = [
        "2024-03-04T10:00:00Z",
        "2024-03-04T10:00:00+01:00",
        "2024-03-04",
        "2024-03-05",
        "2024-03-04T10:00:00.000001Z",
    ]
    instants += [
        "2024-03-04T10:00:00",
        "2024-02-30",
        "yesterday",
        5,
        "2024-03-04T24:00:00Z",
        "2024-03-04T09:30-00:30",
    ]
    texts = [
        "cust:12",
        "cust:",
        "foobar",
        "xfoo",
        "foo",
        "",
        "aa",
        "aaaa",
        "2024-ab",
        "café",
        "caf\n",
        "A",
        "a.csv",
        "acsv",
        7,
        None,
    ]
    numbers = [-1, 0, 0.5, 1, 1.5, 2, 1e300, "1", True, None]
    rules: list[tuple[Any, list[Any]]] = []
    rules += [(condition("equals", value), mixed) for value in ("x", 1, True, False, "")]
    rules += [(condition("in", value), mixed) for value in (["x", 1], [True], [], ["1", 0])]
    rules += [(condition(op, value), numbers) for op in ("gt", "gte", "lt", "lte") for value in (1, 0.5)]
    for op in ("semver_equals", "semver_gt", "semver_gte", "semver_lt", "semver_lte"):
        rules += [(condition(op, value), versions) for value in ("1.2.3", "1.2.3-rc.2")]
    rules += [
        (condition(op, value), instants)
        for op in ("before", "after")
        for value in ("2024-03-04T10:00:00Z", "2024-03-04")
    ]
    rules += [
        (condition(op, value), texts)
        for op in ("contains", "starts_with", "ends_with")
        for value in ("foo", "")
    ]
    rules += [(condition("matches", pattern), texts) for pattern in sorted(SAFE_PATTERNS)]
    rules += [
        ({"attribute": "a", "op": "exists", **value}, mixed)
        for value in ({}, {"value": True}, {"value": False})
    ]
    rules += [(condition("in_segment", key), ["cust:1", "cust:2", 1, None]) for key in ("vip", "hidden")]
    one, two = condition("gt", 0), condition("lt", 2)
    rules += [
        (rule, numbers)
        for rule in ({"all": [one, two]}, {"any": [one, two]}, {"not": one}, {"all": []}, {"any": []})
    ]
    rules += [({"not": {"any": [{"not": one}, {"all": [two, {"not": two}]}]}}, numbers)]
    return rules + [(rule, [1, "x", None]) for rule in make_malformed_rules()]


def make_malformed_rules() -> list[Any]:
    """List rules that make nobody eligible, not even under ``not``."""
    patterns = [
        "(?=x)",
        "(?!x)",
        "(?<=x)",
        r"(x)\1",
        "(?P<n>x)",
        "x**",
        "(x",
        "x)",
        "[x",
        "[z-a]",
        "x{2,1}",
        "x{1,1000}",
        "*",
        r"\q",
        "x" * 201,
    ]
    rules = [condition("matches", pattern) for pattern in patterns]
    rules += [
        condition("smells_like", "x"),
        condition("gt", "1"),
        condition("gt", value=True),
        condition("equals", None),
        condition("equals", []),
    ]
    rules += [
        condition("in", "x"),
        condition("in", [None]),
        condition("semver_gt", "x"),
        condition("before", "2024-03-04T10:00:00"),
    ]
    rules += [
        condition("contains", 1),
        condition("exists", "yes"),
        condition("in_segment", "nobody"),
        condition("in_segment", None),
    ]
    rules += [
        {"attribute": 1, "op": "equals", "value": 1},
        {"attribute": "a"},
        {"attribute": "a", "op": "equals", "value": 1, "x": 1},
    ]
    rules += [{}, {"all": {}}, {"all": [], "any": []}, {"some": []}, {"all": [7]}, [], "x", 7, True]
    nested = {"any": [condition("exists", value=True), condition("smells_like", "x")]}
    return rules + [{"not": rule} for rule in rules] + [nested]


def make_bad_documents() -> list[dict[str, Any]]:
    """List documents that must be refused whole, each with one fault."""

    def fault(name: str, change: dict[str, Any]) -> dict[str, Any]:
        base = {"schema_version": 1, "version": "v", "project": "p", "segments": {}}
        return {
            "name": name,
            "document": {**base, "experiments": [{**experiment("e", [5000, 5000]), **change}]},
        }

    variant = {"key": "control", "bound": 10000, "payloads": {}}
    cases = [
        fault("no salt", {"salt": ""}),
        fault("numeric salt", {"salt": 7}),
        fault("fractional share", {"included": 0.5}),
        fault("share above the whole", {"included": 10001}),
        fault("share as truth value", {"included": True}),
        fault("negative share", {"included": -1}),
        fault("no variants", {"variants": []}),
        fault("bounds short of the whole", {"variants": [{**variant, "bound": 9999}]}),
        fault("bounds that fall", {"variants": [{**variant, "bound": 10000}, {"key": "t", "bound": 5000}]}),
        fault("one key twice", {"variants": [{**variant, "bound": 5000}, variant]}),
        fault("control is no variant", {"control": "nobody"}),
        fault("layer without salt", {"layer": {"slot": [0, 1]}}),
        fault("slot that ends before it begins", {"layer": {"salt": "s", "slot": [2, 1]}}),
        fault("slot of three", {"layer": {"salt": "s", "slot": [0, 1, 2]}}),
        fault("holdouts as object", {"holdouts": {}}),
        fault("overrides as list", {"overrides": []}),
        fault("override to a number", {"overrides": {"cust:1": 1}}),
        fault("payloads as list", {"variants": [{**variant, "payloads": []}]}),
    ]
    good = {"schema_version": 1, "version": "v", "project": "p", "experiments": []}
    other = [
        {"name": "not an object", "document": []},
        {"name": "null", "document": None},
        {"name": "a text", "document": "<html>"},
        {"name": "empty", "document": {}},
        {"name": "older schema", "document": {**good, "schema_version": 0}},
        {"name": "newer schema", "document": {**good, "schema_version": 2}},
        {"name": "schema as text", "document": {**good, "schema_version": "1"}},
        {"name": "no version", "document": {**good, "version": ""}},
        {"name": "experiments as object", "document": {**good, "experiments": {}}},
        {"name": "experiment as text", "document": {**good, "experiments": ["e"]}},
        {"name": "one experiment twice", "document": {**good, "experiments": [experiment("e", [10000])] * 2}},
        {"name": "segment without members", "document": {**good, "segments": {"vip": {}}}},
    ]
    return cases + other


def make_hashes() -> list[dict[str, Any]]:
    """List salts and units with their words."""
    salts = ["9f2c1a07", "00000000", "ffffffffffffffff", "a:b", "sält"]
    units = [*HOSTILE.values(), *(f"cust:{number}" for number in range(20)), "anon:w1", "phone:+33600000001"]
    found = []
    for salt, unit in itertools.product(salts, units):
        first, second = words(salt, unit)
        found.append(
            {
                "salt": salt,
                "unit": unit,
                "word0": first,
                "word1": second,
                "bucket": first % 10000,
                "inclusion_bucket": second % 10000,
            }
        )
    return found


def make_files() -> dict[str, Any]:
    """Work out the content of every file."""
    document = make_document()
    calls = make_calls(document)
    decisions = [{**asked, "expected": decide(document, asked)} for asked in calls]
    segments = document["segments"]
    rules = []
    for rule, values in make_rules():
        for value in values:
            asked = call("-", "cust:1", {"a": value})
            rules.append(
                {"rule": rule, "attributes": {"a": value}, "expected": is_eligible(rule, asked, segments)}
            )
    versions = sorted(
        [
            "1.0.0-alpha",
            "1.0.0-alpha.1",
            "1.0.0-alpha.beta",
            "1.0.0-beta",
            "1.0.0-beta.2",
            "1.0.0-beta.11",
            "1.0.0-rc.1",
            "1.0.0",
        ],
        key=cmp_to_key(lambda left, right: compare_versions(read_version(left), read_version(right))),  # type: ignore[arg-type]
    )
    return {
        "hashes.json": {"about": "Hash contract, version 1.", "cases": make_hashes()},
        "decisions.json": {
            "about": "Whole decisions from one configuration.",
            "config": document,
            "cases": decisions,
        },
        "targeting.json": {
            "about": "Rules on one attribute; the unit is cust:1.",
            "segments": segments,
            "versions_in_order": versions,
            "cases": rules,
        },
        "refused.json": {"about": "Documents that must be refused whole.", "cases": make_bad_documents()},
    }


def main() -> int:
    """Write the files, or compare them."""
    stale = 0
    for name, content in make_files().items():
        text = (
            json.dumps(content, ensure_ascii=True, indent=None, separators=(",", ":")).replace(
                '},{"', '},\n{"'
            )
            + "\n"
        )
        path = FOLDER / name
        if "--check" in sys.argv:
            stale += not path.exists() or path.read_text("utf-8") != text
        else:
            path.write_text(text, "utf-8")
            print(f"{name}: {len(content['cases'])} cases")  # noqa: T201
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
