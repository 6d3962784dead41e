"""The SDK against the conformance vectors, which share no code with it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from abplat_sdk import ConfigError, compile_config, parse_config
from abplat_sdk.groups import compile_groups
from abplat_sdk.hashing import find_bucket, find_inclusion_bucket, hash_words
from abplat_sdk.semver import parse_version
from abplat_sdk.targeting import OPERATORS, compile_rule

VECTORS = Path(__file__).parents[2] / "vectors"


def load(name: str) -> dict[str, Any]:
    """Read one file of vectors."""
    return json.loads((VECTORS / name).read_text("utf-8"))  # type: ignore[no-any-return]


def test_vectors_are_what_the_reference_writes() -> None:
    """Nobody edited the files by hand."""
    done = subprocess.run([sys.executable, VECTORS / "generate.py", "--check"], check=False)

    assert done.returncode == 0


def test_hashes_agree() -> None:
    """Words and buckets are those of the contract."""
    for case in load("hashes.json")["cases"]:
        salt, unit = case["salt"], case["unit"]
        assert hash_words(salt, unit) == (case["word0"], case["word1"]), ascii(unit)
        assert find_bucket(salt, unit) == case["bucket"]
        assert find_inclusion_bucket(salt, unit) == case["inclusion_bucket"]


def test_decisions_agree() -> None:
    """Every field of every decision is the reference's."""
    vectors = load("decisions.json")
    evaluator = compile_config(vectors["config"])
    for case in vectors["cases"]:
        decision = evaluator.decide(
            case["key"], case["unit"], case["attributes"], case["pin"], case["channel"], case.get("pins")
        )
        seen = {name: getattr(decision, name) for name in case["expected"]}

        assert seen == case["expected"], ascii(case)
        assert (decision.key, decision.config_version) == (case["key"], vectors["config"]["version"])


def test_decisions_cover_every_reason() -> None:
    """There are enough vectors, and none of the reasons is missing but the client's own."""
    cases = load("decisions.json")["cases"]
    reasons = {case["expected"]["reason"] for case in cases}

    assert len(cases) >= 1_000
    assert reasons == {
        *("off", "override", "holdout", "pinned", "not_targeted", "not_in_layer", "not_included", "split"),
        *("unknown_experiment", "invalid_unit"),
    }


def test_decide_all_agrees_with_decide() -> None:
    """Deciding everything is deciding each."""
    evaluator = compile_config(load("decisions.json")["config"])
    pins = {"half": "treatment", "held": "control"}
    for number in range(50):
        unit = f"cust:{number}"
        everything = evaluator.decide_all(unit, {"country": "DE"}, pins, "web")

        assert tuple(everything) == evaluator.keys()
        for key, decision in everything.items():
            assert decision == evaluator.decide(key, unit, {"country": "DE"}, channel="web", pins=pins)


def test_targeting_agrees() -> None:
    """Every operator does what the reference does, malformed rules included."""
    vectors = load("targeting.json")
    empty = {"schema_version": 1, "version": "1", "project": "vectors", "experiments": []}
    found = {name: vectors[name] for name in ("segments", "personas")}
    groups = compile_groups(parse_config({**empty, **found}))
    for case in vectors["cases"]:
        rule = compile_rule(case["rule"], groups)
        assert rule(case["attributes"], "cust:1", None) is case["expected"], ascii(case)


def test_every_operator_has_vectors() -> None:
    """Each both holds and fails to hold somewhere."""
    cases = [case for case in load("targeting.json")["cases"] if isinstance(case["rule"], dict)]
    seen = {(case["rule"].get("op"), case["expected"]) for case in cases}

    assert {(op, holds) for op in OPERATORS for holds in (True, False)} <= seen


def test_versions_are_ordered_as_by_semver() -> None:
    """The example of semver.org, rule 11."""
    versions = load("targeting.json")["versions_in_order"]

    shuffled = versions[1::2] + versions[::2]
    assert sorted(shuffled, key=lambda text: parse_version(text) or ()) == versions


@pytest.mark.parametrize("case", load("refused.json")["cases"], ids=lambda case: str(case["name"]))
def test_a_broken_document_is_refused(case: dict[str, Any]) -> None:
    """A document with a fault is refused whole, by name of the field."""
    with pytest.raises(ConfigError, match=r"^[a-z_].*: "):
        parse_config(case["document"])
