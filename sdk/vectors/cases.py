"""What the vectors ask: one project that has everything, hostile units, rules and broken documents."""

from __future__ import annotations

import hashlib
import itertools
from typing import Any

from reference import SAFE_PATTERNS

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
    layered = {"key": "checkout-holdout", "salt": "c0ffee00c0ffee00", "share": 3000}
    loyal = {"attribute": "unit", "op": "in_segment", "value": "loyal"}
    planner = {"attribute": "unit", "op": "in_persona", "value": "planner"}
    quoting = {"attribute": "journey_stage:buy", "op": "in", "value": ["quote", "configure"]}
    return {
        "schema_version": 1,
        "version": "0123456789abcdef",
        "project": "vectors",
        "segments": {
            "vip": {"members": ["cust:1", "cust:🎪🤹‍♀️"]},
            "hidden": {"hashed": True, "salt": "vip-salt", "members": [vip]},
            **make_rule_segments(),
        },
        "personas": make_personas(),
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
            experiment("loyal", [5000, 5000], targeting=loyal),
            experiment("not-loyal", [5000, 5000], targeting={"not": loyal}),
            experiment("planners", [5000, 5000], targeting=planner),
            experiment(
                "not-broken-segment",
                [5000, 5000],
                targeting={"not": {"attribute": "unit", "op": "in_segment", "value": "broken"}},
            ),
            experiment("quoting", [5000, 5000], targeting=quoting),
            experiment(
                "in-care",
                [5000, 5000],
                targeting={"attribute": "lifecycle_state", "op": "equals", "value": "care"},
            ),
            experiment(
                "layer-held",
                [5000, 5000],
                holdouts=[{**holdout, "share": 1000}, layered],
                layer={**layer, "slot": [5000, 10000]},
            ),
            experiment("layer-held-too", [5000, 5000], holdouts=[layered]),
            *make_dependent_experiments(),
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


def make_rule_segments() -> dict[str, Any]:
    """Describe segments that are rules, sound and not."""
    return {
        "loyal": {"version": 3, "rule": {"attribute": "orders", "op": "gte", "value": 3}},
        "near": {
            "version": 1,
            "rule": {
                "all": [
                    {"attribute": "channel", "op": "equals", "value": "store"},
                    {"attribute": "unit", "op": "starts_with", "value": "cust:"},
                ]
            },
        },
        "broken": {"rule": {"attribute": "orders", "op": "smells_like", "value": 3}},
        "nested": {"rule": {"attribute": "unit", "op": "in_segment", "value": "vip"}},
    }


def make_personas() -> dict[str, Any]:
    """Describe personas, sound and not."""
    rule = {
        "all": [
            {"attribute": "visits", "op": "gte", "value": 5},
            {"not": {"attribute": "urgent", "op": "equals", "value": True}},
        ]
    }
    return {
        "planner": {"version": 2, "origin": "data", "rule": rule},
        "broken": {"version": 1, "origin": "field", "rule": {"some": []}},
        "nested": {"rule": {"attribute": "unit", "op": "in_persona", "value": "planner"}},
    }


def need(key: str, *variants: str) -> dict[str, Any]:
    """Describe a prerequisite."""
    return {"experiment": key, "variants": list(variants)}


def make_dependent_experiments() -> list[dict[str, Any]]:
    """Describe experiments that need what others gave; some stand before what they need."""
    return [
        experiment("after-half", [5000, 5000], prerequisites=[need("half", "treatment")]),
        experiment("after-after", [5000, 5000], prerequisites=[need("after-half", "control", "treatment")]),
        experiment(
            "after-two",
            [2000, 8000],
            included=8000,
            prerequisites=[need("half", "control"), need("ramp-80", "control", "treatment")],
        ),
        experiment("after-stopped", [5000, 5000], prerequisites=[need("stopped", "control", "treatment")]),
        experiment("after-forced", [5000, 5000], prerequisites=[need("hidden-forced", "treatment")]),
        experiment("after-nothing", [5000, 5000], prerequisites=[need("no-such", "control")]),
        experiment("after-no-variant", [5000, 5000], prerequisites=[need("half")]),
        experiment("after-german", [5000, 5000], prerequisites=[need("german", "control", "treatment")]),
        experiment("after-web", [5000, 5000], prerequisites=[need("web-only", "treatment")]),
        experiment(
            "after-pinned",
            [5000, 5000],
            overrides={"cust:qa": "treatment"},
            prerequisites=[need("slot-none", "treatment")],
        ),
    ]


def make_dependent_calls() -> list[dict[str, Any]]:
    """List what is asked of segments, personas and prerequisites."""
    keys = [found["key"] for found in make_dependent_experiments()]
    calls: list[dict[str, Any]] = []
    for pins in ({"half": "treatment"}, {"half": "control"}, {"slot-none": "treatment"}, {"half": "no-such"}):
        calls += [{**call(key, f"cust:{n}"), "pins": pins} for key in keys for n in (1, 2, 3)]
    own = {"after-half": "treatment", "half": "control"}
    calls += [{**call("after-half", f"cust:{n}"), "pins": own} for n in range(1, 5)]
    calls += [{**call("after-half", f"cust:{n}", pin="control"), "pins": own} for n in range(1, 5)]
    calls += [call(key, "cust:qa") for key in keys]
    calls += [call(key, "cust:held", pin="treatment") for key in keys]
    calls += [call("after-german", f"cust:{n}", {"country": "DE"}) for n in range(1, 6)]
    calls += [
        call("after-web", f"cust:{n}", channel=channel) for n in range(1, 6) for channel in ("web", None)
    ]
    calls += [call("after-half", unit) for unit in ("", 7, None, "c" * 257, "🎪" * 256)]
    for attributes in (
        {"orders": 3, "visits": 5},
        {"orders": 2, "visits": 9, "urgent": True},
        {"visits": 5, "urgent": None},
        {"journey_stage:buy": "quote", "lifecycle_state": "care"},
        {"journey_stage:buy": "visit", "lifecycle_state": "research"},
        {"journey_stage:rent": "quote", "lifecycle_state": None},
        {},
    ):
        named = ("loyal", "not-loyal", "planners", "not-broken-segment", "quoting", "in-care")
        calls += [call(key, f"cust:{n}", attributes) for key in named for n in range(30, 33)]
    held = ("layer-held", "layer-held-too")
    return calls + [call(key, f"cust:{n}") for key in held for n in range(9, 60)]


def make_calls(document: dict[str, Any]) -> list[dict[str, Any]]:
    """List what is asked."""
    keys = [found["key"] for found in document["experiments"]]
    calls = [call(key, f"cust:{number}") for key in keys for number in range(1, 9)]
    calls += [call(key, unit) for key in ("half", "five") for unit in HOSTILE.values()]
    calls += [call(key, unit) for key in ("half", "held") for unit in (7, 0, -7, 9007199254740991)]
    calls += [
        call("half", unit)
        for unit in (
            "",
            "\ud800",
            "cust:\udfff!",
            "c" * 257,
            "🎪" * 257,
            None,
            True,
            False,
            1.5,
            [],
            {},
            ["cust:1"],
        )
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
    return calls + make_dependent_calls()


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
    rules += [
        (condition("in_segment", key), ["cust:1", "cust:2", 1, None]) for key in ("vip", "hidden", "near")
    ]
    groups = [condition("in_segment", "adult"), condition("in_persona", "minor")]
    rules += [(rule, [17, 18, "18", None]) for group in groups for rule in (group, {"not": group})]
    stages = ["visit", "quote", "purchase", "Quote", "", 2, None]
    rules += [(condition("in", ["quote", "purchase"]), stages), (condition("equals", "quote"), stages)]
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
    rules += [condition("in_segment", "broken"), condition("in_segment", "nested")]
    rules += [condition("in_persona", key) for key in ("nobody", "broken", "nested", "vip", 7)]
    rules += [
        {"attribute": 1, "op": "equals", "value": 1},
        {"attribute": "a"},
        {"attribute": "a", "op": "equals", "value": 1, "x": 1},
    ]
    rules += [{}, {"all": {}}, {"all": [], "any": []}, {"some": []}, {"all": [7]}, [], "x", 7, True]
    nested = {"any": [condition("exists", value=True), condition("smells_like", "x")]}
    return rules + [{"not": rule} for rule in rules] + [nested]


def make_chain(steps: int) -> list[dict[str, Any]]:
    """Describe experiments of which each needs the one before."""
    needs: list[list[dict[str, Any]]] = [[], *([need(f"e{step}", "control")] for step in range(steps))]
    return [experiment(f"e{place}", [10000], prerequisites=each) for place, each in enumerate(needs)]


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
        fault("prerequisites as object", {"prerequisites": {}}),
        fault("prerequisite without variants", {"prerequisites": [{"experiment": "x"}]}),
        fault(
            "prerequisite with a numeric variant", {"prerequisites": [{"experiment": "x", "variants": [1]}]}
        ),
        fault("prerequisite without experiment", {"prerequisites": [{"variants": ["control"]}]}),
        fault("prerequisite of itself", {"prerequisites": [need("e", "control")]}),
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
        {"name": "segment without a rule", "document": {**good, "segments": {"vip": {"rule": None}}}},
        {"name": "personas as list", "document": {**good, "personas": []}},
        {"name": "persona without a rule", "document": {**good, "personas": {"planner": {"version": 1}}}},
        {
            "name": "prerequisites that go round",
            "document": {
                **good,
                "experiments": [
                    experiment("a", [10000], prerequisites=[need("b", "control")]),
                    experiment("b", [10000], prerequisites=[need("c", "control")]),
                    experiment("c", [10000], prerequisites=[need("a", "control")]),
                ],
            },
        },
        {
            "name": "prerequisites more than 10 steps long",
            "document": {**good, "experiments": make_chain(11)},
        },
    ]
    return cases + other
