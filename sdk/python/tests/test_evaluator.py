"""Properties of decisions, and what the evaluator does with what it should never be given."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
from abplat_sdk import Decision, compile_config
from abplat_sdk.hashing import find_bucket
from abplat_sdk.regex import PatternError, compile_pattern
from abplat_sdk.targeting import OPERATORS, check_rule, compile_rule, hash_identifier
from hypothesis import given, settings
from hypothesis import strategies as st

units = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=256)
salts = st.text("0123456789abcdef", min_size=8, max_size=16)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=True) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=10,
)
# 99.9999 % points of chi-squared, from scipy.stats.chi2.isf(1e-6, df)
CHI_SQUARED = {1: 23.928, 9: 46.703, 99: 180.79}


def make_config(bounds: tuple[int, ...] = (5_000, 10_000), **fields: Any) -> dict[str, Any]:
    """Describe a configuration of one experiment."""
    variants = [{"key": f"v{n}", "bound": bound, "payloads": {"web": n}} for n, bound in enumerate(bounds)]
    base = {"key": "e", "salt": "9f2c1a07", "hash_version": 1, "unit_type": "cust", "state": "running"}
    rest = {
        "layer": None,
        "holdouts": [],
        "included": 10_000,
        "control": "v0",
        "targeting": None,
        "overrides": {},
    }
    experiment = {**base, **rest, "variants": variants, **fields}
    return {
        "schema_version": 1,
        "version": "1",
        "project": "shop",
        "segments": {},
        "experiments": [experiment],
    }


def decide(config: dict[str, Any], unit: Any, *args: Any) -> Decision:
    """Decide the one experiment."""
    return compile_config(config).decide("e", unit, *args)


@given(units, salts, st.lists(st.integers(0, 10_000), min_size=0, max_size=4))
def test_growing_the_share_never_moves_a_unit(unit: str, salt: str, cuts: list[int]) -> None:
    """Once included, a unit keeps its variant whatever share follows."""
    bounds = (*sorted(cuts), 10_000)
    seen = [decide(make_config(bounds, salt=salt, included=share), unit) for share in range(0, 10_001, 500)]
    inside = [decision.variant for decision in seen if decision.in_experiment]

    assert len(set(inside)) == 1
    assert [decision.in_experiment for decision in seen] == sorted(
        decision.in_experiment for decision in seen
    )


@given(units, salts)
def test_a_decision_is_stable_and_bounded(unit: str, salt: str) -> None:
    """The same inputs give the same decision, and the bucket is the documented one."""
    config = make_config(salt=salt)
    first = decide(config, unit)

    assert first == decide(config, unit)
    assert first.bucket == find_bucket(salt, unit)
    assert first.variant == ("v0" if find_bucket(salt, unit) < 5_000 else "v1")


def test_buckets_are_uniform() -> None:
    """100,000 running numbers fill 100 equal ranges evenly, for ten salts."""
    for number in range(10):
        counts = [0] * 100
        for unit in range(100_000):
            counts[find_bucket(f"salt{number:04}", f"cust:{unit}") // 100] += 1
        assert sum((count - 1_000) ** 2 / 1_000 for count in counts) < CHI_SQUARED[99]


@pytest.mark.parametrize("other", ["layer", "inclusion", "second experiment"])
def test_salts_are_independent(other: str) -> None:
    """What one salt decides says nothing about what another, or the other word, decides."""
    shares = {
        "layer": {"layer": {"key": "l", "salt": "5a17aaaa", "slot": [0, 3_000]}},
        "inclusion": {"included": 3_000},
    }
    one = compile_config(make_config(**shares.get(other, {})))
    two = compile_config(make_config(salt="77777777"))
    cells: dict[tuple[bool, str | None], int] = {}
    for number in range(60_000):
        unit = f"cust:{number}"
        left = one.decide("e", unit)
        inside = left.in_experiment if other in shares else left.variant == "v0"
        right = (compile_plain if other in shares else two).decide("e", unit).variant
        cells[inside, right] = cells.get((inside, right), 0) + 1

    assert chi_squared(cells) < CHI_SQUARED[1]


compile_plain = compile_config(make_config())


def chi_squared(cells: dict[tuple[bool, str | None], int]) -> float:
    """Pearson's statistic of independence for a two-by-two table."""
    total = sum(cells.values())
    statistic = 0.0
    for (inside, variant), seen in cells.items():
        row = sum(count for (found, _), count in cells.items() if found == inside)
        column = sum(count for (_, found), count in cells.items() if found == variant)
        expected = row * column / total
        statistic += (seen - expected) ** 2 / expected
    return statistic


class Hostile:
    """Raises whenever it is looked at."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(name)

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("eq")

    def __bool__(self) -> bool:
        raise RuntimeError("bool")

    __hash__ = None  # type: ignore[assignment]


class Shouting(str):
    """A text of another class."""

    __slots__ = ()


ODD = [
    None,
    True,
    1.5,
    float("nan"),
    b"cust:1",
    [],
    {},
    ("cust:1",),
    object(),
    Hostile(),
    "\ud800",
    "",
    "x" * 257,
    10**300,
]
GATED = {"targeting": {"attribute": "a", "op": "equals", "value": 1}, "overrides": {"cust:1": "v1"}}


@pytest.mark.parametrize(
    "fields", [{}, GATED, {"holdouts": [{"salt": "s", "share": 5_000}]}], ids=["plain", "gated", "held"]
)
@pytest.mark.parametrize("odd", ODD, ids=lambda odd: type(odd).__name__)
def test_nothing_odd_raises(odd: Any, fields: dict[str, Any]) -> None:
    """Whatever the host passes, it gets a decision."""
    evaluator = compile_config(make_config(**fields))

    assert evaluator.decide("e", odd).reason == "invalid_unit"
    assert evaluator.decide(odd, "cust:2").reason == "unknown_experiment"
    assert evaluator.decide("e", "cust:2", odd).variant in {"v0", "v1"}
    assert evaluator.decide("e", "cust:2", {"a": odd}).variant in {"v0", "v1"}
    assert evaluator.decide("e", "cust:2", None, odd).reason != "pinned"
    assert evaluator.decide("e", "cust:2", None, None, odd).payload is None
    assert set(evaluator.decide_all("cust:2", odd, odd, odd)) == {"e"}


def test_a_text_of_another_class_is_a_unit() -> None:
    """An enumeration member, for one, is as good as its text."""
    assert decide(make_config(**GATED), Shouting("cust:7")).unit == "cust:7"
    assert decide(make_config(), Shouting("cust:7")).bucket == decide(make_config(), "cust:7").bucket


@given(json_values, json_values)
def test_any_rule_compiles_and_answers(rule: Any, value: Any) -> None:
    """No rule whatsoever can raise: it holds, or it makes nobody eligible."""
    config = make_config(targeting=rule)
    assert decide(config, "cust:1", {"a": value}).reason in {"split", "not_targeted"}


@given(st.sampled_from(sorted(OPERATORS)), json_values, json_values)
def test_any_operator_takes_any_value(op: str, value: Any, actual: Any) -> None:
    """An operator answers true or false for any pair of values."""
    rule = {"attribute": "a", "op": op, "value": value}
    assert decide(make_config(targeting=rule), "cust:1", {"a": actual}).reason in {"split", "not_targeted"}


def test_check_rule_names_the_fault() -> None:
    """Whoever writes a rule is told what is wrong with it."""
    with pytest.raises(ValueError, match="smells_like"):
        check_rule({"attribute": "a", "op": "smells_like", "value": 1})
    check_rule({"attribute": "a", "op": "in_segment", "value": "not yet made"})


def test_unknown_fields_are_ignored() -> None:
    """A newer service may say more."""
    config = {**make_config(new_field=[1]), "another": {}}
    assert decide(config, "cust:1").reason == "split"


patterns = st.text(r"ab.*+?|()[]^$\d{}1,2-", max_size=12)


@settings(max_examples=1_000)
@given(patterns, st.text("ab1\n-", max_size=8))
def test_patterns_find_what_re_finds(pattern: str, text: str) -> None:
    """Where both accept a pattern, they agree; ``$`` means the very end here."""
    try:
        search = compile_pattern(pattern)
    except PatternError:
        return
    theirs = re.compile(re.sub(r"(?<!\\)((?:\\\\)*)\$(?![^\[]*\])", r"\1\\Z", pattern), re.ASCII)
    if not ("[" in pattern and "$" in pattern):
        assert search(text) == (theirs.search(text) is not None)


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|a)*$", "(a?){60}a{60}$", "(.*)*x", "([ab]*a){20}$"])
def test_patterns_cannot_run_away(pattern: str) -> None:
    """Patterns on which backtracking takes years answer at once."""
    search, start = compile_pattern(pattern), time.perf_counter()
    search("a" * 511 + "b")

    assert time.perf_counter() - start < 2


def test_hashed_forms_decide_alike() -> None:
    """Hiding identifiers changes no decision."""
    plain = make_config(overrides={"cust:1": "v1"})

    digest = hash_identifier("s", "cust:1")
    hidden = make_config(overrides={"hashed": True, "salt": "s", "units": {digest: "v1"}})

    assert decide(plain, "cust:1") == decide(hidden, "cust:1")
    assert decide(hidden, "cust:1").reason == "override"


def test_rule_without_segments_is_never_true() -> None:
    """A segment that is not in the document has no members."""
    assert not compile_rule({"attribute": "unit", "op": "in_segment", "value": "vip"})({}, "cust:1", None)
