"""Many units at once get what each would get alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from abplat_sdk import compile_config
from abplat_sdk.bulk import assign_many, decide_many
from abplat_sdk.shortcuts import is_split_only
from hypothesis import given
from hypothesis import strategies as st

VECTORS = Path(__file__).parents[2] / "vectors"
CONFIG = json.loads((VECTORS / "decisions.json").read_text("utf-8"))
EVALUATOR = compile_config(CONFIG["config"])
KEYS = EVALUATOR.keys()
UNITS = [case["unit"] for case in CONFIG["cases"]]
odd_units: Any = (
    st.text(max_size=260) | st.integers() | st.none() | st.floats() | st.binary() | st.lists(st.text())
)


@pytest.mark.parametrize("key", [*KEYS, "no-such"])
@pytest.mark.parametrize("attributes", [None, {"country": "DE", "age": 41}], ids=["bare", "attributes"])
def test_every_vector_is_assigned_as_alone(key: str, attributes: Any) -> None:
    """All units of the vectors in every experiment, hostile ones included."""
    alone = [EVALUATOR.decide(key, unit, attributes) for unit in UNITS]

    assert decide_many(EVALUATOR, key, UNITS, attributes) == alone
    assert assign_many(EVALUATOR, key, UNITS, attributes) == [decision.variant for decision in alone]
    assert [EVALUATOR.variant(key, unit, attributes) for unit in UNITS] == [each.variant for each in alone]


@given(st.lists(odd_units, max_size=20), st.sampled_from(KEYS))
def test_odd_units_never_raise(units: list[Any], key: str) -> None:
    """One that is no unit takes nothing from the others."""
    alone = [EVALUATOR.decide(key, unit).variant for unit in units]

    assert assign_many(EVALUATOR, key, units) == alone
    assert [EVALUATOR.variant(key, unit) for unit in units] == alone


def test_attributes_and_pins_go_with_their_units() -> None:
    """One mapping per unit; a pin holds for its unit alone, a number is found by its text."""
    targeted = next(key for key in KEYS if EVALUATOR.decide(key, "cust:1").reason == "not_targeted")
    units, attributes = ["cust:1", "cust:2", 7], [{"country": "DE"}, {}, {"country": "FR"}]
    alone = [EVALUATOR.decide(targeted, unit, each) for unit, each in zip(units, attributes, strict=True)]
    pins = {"cust:2": "treatment", "7": "treatment"}
    pinned = decide_many(EVALUATOR, "half", units, pins=pins)

    assert decide_many(EVALUATOR, targeted, units, attributes) == alone
    assert [decision.reason for decision in pinned] == ["split", "pinned", "pinned"]


def test_the_short_way_is_taken_where_it_may_be() -> None:
    """Some of the vectors' experiments are plain splits, and some are not."""
    experiments = [EVALUATOR.find(key) for key in KEYS]
    plain = [each.key for each in experiments if each is not None and is_split_only(each)]

    assert "half" in plain
    assert 2 <= len(plain) < len(experiments)


def test_an_iterator_and_nothing_are_taken() -> None:
    """Whatever can be walked through."""
    units = [f"cust:{number}" for number in range(10)]

    assert assign_many(EVALUATOR, "half", iter(units)) == assign_many(EVALUATOR, "half", units)
    assert assign_many(EVALUATOR, "half", []) == []
