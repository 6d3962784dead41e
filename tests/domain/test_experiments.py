"""Experiments: every fault is named, with its place and the way out."""

from __future__ import annotations

from typing import Any

import pytest

from abplat.domain.catalogue import canonical
from abplat.domain.experiments import parse_experiment
from abplat.errors import InvalidInputError
from tests.conftest import make_experiment


def faults(**over: Any) -> set[tuple[str, str]]:
    """Return path and code of every fault of an experiment."""
    with pytest.raises(InvalidInputError) as caught:
        parse_experiment(make_experiment(**over))
    return {(problem.path, problem.code) for problem in caught.value.problems}


def test_defaults_are_filled_in() -> None:
    """What is left out has a documented default."""
    experiment = parse_experiment(make_experiment())

    assert (experiment.unit_type, experiment.included, experiment.alpha) == ("cust", 10_000, 0.05)
    assert experiment.primary == "completed"


def test_an_aa_test_may_say_the_same_in_any_order() -> None:
    """What counts is what customers get, not how it is written."""
    payloads = [{"web": {"a": 1, "b": 2}}, {"web": {"b": 2, "a": 1}}]
    arms = [CONTROL | {"payloads": payloads[0]}, TREATMENT | {"payloads": payloads[1]}]

    assert parse_experiment(make_experiment(kind="aa", variants=arms)).kind == "aa"


CONTROL = {"key": "control", "weight": 5000}
TREATMENT = {"key": "treatment", "weight": 5000}


@pytest.mark.parametrize(
    ("over", "fault"),
    [
        ({"key": "a b"}, ("key", "bad_key")),
        ({"owner": None}, ("owner", "required")),
        ({"owner": "  "}, ("owner", "bad_text")),
        ({"title": "x" * 201}, ("title", "too_long")),
        ({"title": "a\x00b"}, ("title", "bad_character")),
        ({"title": "\ud800"}, ("title", "bad_character")),
        ({"surprise": 1}, ("surprise", "unknown_field")),
        ({"decision_rule": "majority"}, ("decision_rule", "bad_choice")),
        ({"decision_rule": "non_inferiority"}, ("goal_margin", "required")),
        ({"goal_margin": 0.02}, ("goal_margin", "not_used")),
        ({"decision_rule": "do_no_harm", "min_effect": None}, ("min_effect", "required")),
        (
            {"kind": "aa", "variants": [CONTROL, TREATMENT | {"payloads": {"web": {"a": 1}}}]},
            ("variants[1].payloads.web", "differs"),
        ),
        ({"variants": [CONTROL]}, ("variants", "bad_length")),
        ({"variants": [CONTROL, {"key": "t", "weight": 4999}]}, ("variants", "bad_weights")),
        ({"variants": [CONTROL, {"key": "t", "weight": 0.5}]}, ("variants[1].weight", "bad_integer")),
        ({"variants": [CONTROL, {"key": "t", "weight": -5000}]}, ("variants[1].weight", "bad_integer")),
        (
            {"variants": [CONTROL, {"key": "t", "weight": float("nan")}]},
            ("variants[1].weight", "bad_integer"),
        ),
        ({"variants": [CONTROL, {"key": "t", "weight": True}]}, ("variants[1].weight", "bad_integer")),
        ({"variants": [CONTROL, CONTROL]}, ("variants[1].key", "duplicate_variant")),
        (
            {"variants": [CONTROL | {"weight": 0}, TREATMENT | {"weight": 10000}]},
            ("variants[0].weight", "bad_weights"),
        ),
        (
            {"variants": [CONTROL | {"payloads": {"web": "x" * 70_000}}, TREATMENT]},
            ("variants[0].payloads", "too_large"),
        ),
        ({"variants": "none"}, ("variants", "not_a_list")),
        ({"metrics": []}, ("metrics", "bad_length")),
        ({"metrics": [{"metric": "m", "role": "secondary"}]}, ("metrics", "one_primary")),
        (
            {"metrics": [{"metric": "a", "role": "primary"}, {"metric": "b", "role": "primary"}]},
            ("metrics", "one_primary"),
        ),
        (
            {"metrics": [{"metric": "a", "role": "primary"}, {"metric": "b", "role": "guardrail"}]},
            ("metrics[1].margin", "required"),
        ),
        ({"metrics": [{"metric": "a", "role": "primary", "margin": 0.1}]}, ("metrics[0].margin", "not_used")),
        ({"layer": "l", "slot": [5000, 5000]}, ("slot", "bad_slot")),
        ({"layer": "l", "slot": [0, 10_001]}, ("slot", "bad_slot")),
        ({"layer": "l", "slot": ["a", {}]}, ("slot", "bad_slot")),
        ({"slot": [0, 5000]}, ("slot", "not_used")),
        ({"horizon": "7 days"}, ("horizon", "bad_duration")),
        ({"horizon": None}, ("horizon", "required")),
        ({"alpha": 0}, ("alpha", "bad_number")),
        ({"alpha": float("inf")}, ("alpha", "bad_number")),
        ({"alpha": 10**5000}, ("alpha", "bad_number")),
        ({"unit_type": "session"}, ("unit_type", "bad_choice")),
        ({"unit_type": []}, ("unit_type", "bad_choice")),
        ({"overrides": {"cust:1": "nobody"}}, ("overrides.cust:1", "unknown_variant")),
        ({"overrides": {"x" * 257: "control"}}, ("overrides", "bad_unit")),
        ({"holdouts": ["a", "a"]}, ("holdouts[1]", "bad_key")),
        ({"targeting": {"attribute": "a", "op": "like", "value": 1}}, ("targeting.op", "bad_choice")),
        ({"targeting": {"any": []}}, ("targeting.any", "bad_rule")),
        ({"targeting": {"not": {"not": 7}}}, ("targeting.not.not", "bad_rule")),
        ({"targeting": {"attribute": "a", "op": "gt", "value": "1"}}, ("targeting.value", "bad_value")),
        (
            {"targeting": {"attribute": "a", "op": "matches", "value": "(a+)+$"}},
            ("targeting.value", "bad_value"),
        ),
        (
            {"targeting": {"attribute": "a", "op": "after", "value": "2024-03-04"}},
            ("targeting.value", "bad_value"),
        ),
    ],
)
def test_a_fault_is_named(over: dict[str, Any], fault: tuple[str, str]) -> None:
    """Each fault has the path of the field and a code."""
    assert fault in faults(**over)


def test_all_faults_are_listed_at_once() -> None:
    """Who mends a file sees the whole list."""
    found = faults(key="", owner=None, horizon="x", alpha=2, surprise=1)

    assert {path for path, _ in found} >= {"key", "owner", "horizon", "alpha", "surprise"}


@pytest.mark.parametrize("document", [None, [], "x", 1, {"variants": {}}, {1: 2}, {"metrics": [None, 3]}])
def test_any_value_is_refused_without_a_crash(document: Any) -> None:
    """Whatever a file holds, the answer is a list of faults."""
    with pytest.raises(InvalidInputError):
        parse_experiment(document)


def test_a_rule_nested_too_deeply_is_refused() -> None:
    """Depth is bounded where the rule is saved, so that no evaluation can overflow."""
    rule: dict[str, Any] = {"attribute": "a", "op": "exists"}
    for _ in range(2_000):
        rule = {"not": rule}

    assert any(code == "too_deep" for _, code in faults(targeting=rule))


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (
            ["persona", ["entry_channel", "attribute:country"]],
            [["persona"], ["entry_channel", "attribute:country"]],
        ),
        ([["segment:vip"]], [["segment:vip"]]),
        ([], []),
    ],
)
def test_breakdowns_are_lists_of_one_or_two_dimensions(given: list[Any], kept: list[Any]) -> None:
    """A lone name is a list of one; what was read is read again alike."""
    document = canonical("experiments", make_experiment(breakdowns=given))

    assert document.get("breakdowns", []) == kept
    assert canonical("experiments", document) == document


@pytest.mark.parametrize(
    "given",
    [
        ["weather"],
        [["persona", "persona"]],
        ["persona", ["persona"]],
        [["persona"] * 3],
        [7],
        ["segment:a b"],
    ],
)
def test_breakdowns_that_mean_nothing_are_refused(given: list[Any]) -> None:
    """With the place."""
    with pytest.raises(InvalidInputError) as caught:
        canonical("experiments", make_experiment(breakdowns=given))

    assert {problem.code for problem in caught.value.problems} == {"bad_breakdown"}
