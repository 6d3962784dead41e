"""Questions are checked whole, and hiding identifiers changes no decision."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from abplat_sdk import compile_config

from abplat.errors import InvalidInputError
from abplat.services import decisions

VECTORS = json.loads((Path(__file__).parents[2] / "sdk/vectors/decisions.json").read_text("utf-8"))


def test_the_service_agrees_with_the_vectors() -> None:
    """A question over HTTP is answered as the reference says."""
    evaluator = compile_config(VECTORS["config"])
    for case in VECTORS["cases"]:
        if case["expected"]["reason"] == "invalid_unit" or not case["expected"]["unit"]:
            continue
        pins = {**case.get("pins", {}), **({} if case["pin"] is None else {case["key"]: case["pin"]})}
        asked = {
            "unit": case["unit"],
            "attributes": case["attributes"],
            "pins": pins,
            "channel": case["channel"],
        }
        question = decisions.parse_question({**asked, "keys": [case["key"]]})
        made = decisions.decide(evaluator, question)[case["key"]]._asdict()

        assert {name: made[name] for name in case["expected"]} == case["expected"], ascii(case)


def test_hidden_identifiers_decide_alike() -> None:
    """The public document gives every decision of the whole one, and names nobody."""
    public = decisions.hide_identifiers(VECTORS["config"])
    whole, hidden = compile_config(VECTORS["config"]), compile_config(public)
    for case in VECTORS["cases"]:
        asked = (
            *(case["key"], case["unit"], case["attributes"], case["pin"], case["channel"]),
            case.get("pins"),
        )
        assert whole.decide(*asked) == hidden.decide(*asked), ascii(case)

    text = json.dumps(public)
    assert "cust:qa" not in text
    assert "cust:1" not in text
    assert decisions.hide_identifiers(public) == public


@pytest.mark.parametrize(
    ("document", "path", "code"),
    [
        ([], "", "not_an_object"),
        ({}, "unit", "bad_unit"),
        ({"unit": ""}, "unit", "bad_unit"),
        ({"unit": "c" * 257}, "unit", "bad_unit"),
        ({"unit": True}, "unit", "bad_unit"),
        ({"unit": 1.5}, "unit", "bad_unit"),
        ({"unit": "cust:1", "attributes": [1]}, "attributes", "not_an_object"),
        ({"unit": "cust:1", "pins": {"e": 1}}, "pins", "bad_pins"),
        ({"unit": "cust:1", "channel": 7}, "channel", "not_a_text"),
        ({"unit": "cust:1", "keys": "e"}, "keys", "bad_keys"),
        ({"unit": "cust:1", "keys": ["e"] * 501}, "keys", "too_many"),
        ({"unit": "cust:1", "user": 1}, "user", "unknown_field"),
    ],
    ids=lambda value: ascii(value)[:40],
)
def test_a_bad_question_names_the_field(document: Any, path: str, code: str) -> None:
    """Every fault has a path and a code."""
    with pytest.raises(InvalidInputError) as caught:
        decisions.parse_question(document)

    assert [(problem.path, problem.code) for problem in caught.value.problems] == [(path, code)]


def test_every_fault_is_listed() -> None:
    """Not only the first."""
    with pytest.raises(InvalidInputError) as caught:
        decisions.parse_question({"unit": "", "channel": 7, "x": 1})

    assert {problem.path for problem in caught.value.problems} == {"unit", "channel", "x"}
