"""Decisions in columns are the decisions one by one."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from abplat_sdk import compile_config
from abplat_sdk.hashing import hash_words

from abplat.analysis.assignment import Assignments, assign_columns
from abplat.analysis.hashing import Texts, hash_many

VECTORS = Path(__file__).parents[2] / "sdk" / "vectors"
DECISIONS = json.loads((VECTORS / "decisions.json").read_text("utf-8"))
HASHES = json.loads((VECTORS / "hashes.json").read_text("utf-8"))["cases"]
EVALUATOR = compile_config(DECISIONS["config"])
KEYS = EVALUATOR.keys()
ALPHABETS = ("abcdefghijklmnopqrstuvwxyz0123456789:-", "aü€🎪\0\n", "0123456789")


def make_units(count: int, seed: int) -> list[str]:
    """Make ids of all lengths, most of them short."""
    chance = random.Random(seed)
    lengths = chance.choices(
        (3, 8, 12, 20, 36, 45, 46, 47, 54, 64, 256), (9, 9, 9, 9, 9, 2, 2, 2, 1, 1, 1), k=count
    )
    return ["".join(chance.choices(chance.choice(ALPHABETS), k=length)) for length in lengths]


def by_one(key: str, units: list[Any], attributes: Any = None, pins: Any = None) -> list[tuple[Any, ...]]:
    """Decide one by one."""
    found = [EVALUATOR.decide(key, unit, attributes, (pins or {}).get(unit)) for unit in units]
    return [
        (each.variant, each.reason, -1 if each.bucket is None else each.bucket, each.in_experiment)
        for each in found
    ]


def rows(columns: Assignments) -> list[tuple[Any, ...]]:
    """Return columns as rows."""
    return list(
        zip(
            columns.variant,
            columns.reason,
            columns.bucket.tolist(),
            columns.in_experiment.tolist(),
            strict=True,
        )
    )


def test_every_vector_hashes_alike() -> None:
    """All hash cases, several salts, hostile units."""
    for salt in {case["salt"] for case in HASHES}:
        cases = [case for case in HASHES if case["salt"] == salt]
        first, second = hash_many(salt, Texts([case["unit"] for case in cases]))

        assert first.tolist() == [case["word0"] for case in cases]
        assert second.tolist() == [case["word1"] for case in cases]


def test_random_ids_hash_alike() -> None:
    """100,000 ids of all lengths: below, at and above one block of MD5."""
    units = make_units(100_000, 7)
    first, second = hash_many("9f2c1a07", Texts(units))
    alone = np.array([hash_words("9f2c1a07", unit) for unit in units], np.uint32)

    assert np.array_equal(first, alone[:, 0])
    assert np.array_equal(second, alone[:, 1])


@pytest.mark.parametrize("salt", ["", "s", "x" * 53, "x" * 54, "x" * 55, "x" * 200, "ü🎪"])
def test_any_salt_hashes_alike(salt: str) -> None:
    """Also one that leaves no room in a block."""
    units = [letter * length for letter in ("a", "ü", "🎪") for length in range(1, 70)]
    words = zip(*(found.tolist() for found in hash_many(salt, Texts(units))), strict=True)

    assert list(words) == [hash_words(salt, unit) for unit in units]


@pytest.mark.parametrize("key", [*KEYS, "no-such"])
@pytest.mark.parametrize("attributes", [None, {"country": "DE", "age": 41}], ids=["bare", "attributes"])
def test_columns_are_the_decisions(key: str, attributes: Any) -> None:
    """Variant, reason, bucket and taking part, for every experiment of the vectors."""
    units = [case["unit"] for case in DECISIONS["cases"] if isinstance(case["unit"], str)]
    units += [*make_units(500, 3), "", "x" * 257, "cust:qa"]

    assert rows(assign_columns(EVALUATOR, key, units, attributes)) == by_one(key, units, attributes)


def test_random_ids_are_assigned_alike() -> None:
    """100,000 ids in a plain experiment, and in one with a layer, a holdout and a share."""
    units = make_units(100_000, 11)
    base = next(each for each in DECISIONS["config"]["experiments"] if each["key"] == "half")
    gates = {"layer": {"salt": "l", "slot": [1_000, 7_000]}, "holdouts": [{"salt": "h", "share": 500}]}
    experiments = [base, {**base, **gates, "key": "gated", "included": 6_000}]
    evaluator = compile_config({**DECISIONS["config"], "experiments": experiments})
    for key in ("half", "gated"):
        alone = [evaluator.decide(key, unit) for unit in units]
        columns = assign_columns(evaluator, key, units)

        assert columns.variant == [each.variant for each in alone]
        assert columns.reason == [each.reason for each in alone]
        assert columns.bucket.tolist() == [-1 if each.bucket is None else each.bucket for each in alone]
        assert columns.in_experiment.tolist() == [each.in_experiment for each in alone]


def test_pins_hold_in_their_place() -> None:
    """After a holdout, before everything else."""
    units = [f"cust:{number}" for number in range(200)]
    pins = dict.fromkeys(units[::2], "treatment")
    for key in KEYS:
        assert rows(assign_columns(EVALUATOR, key, units, pins=pins)) == by_one(key, units, pins=pins)


@pytest.mark.parametrize("odd", [7, None, "\ud800", 1.5], ids=str)
def test_what_is_no_text_is_decided_one_by_one(odd: Any) -> None:
    """It spoils nothing for the others."""
    units = ["cust:1", odd, "cust:2"]

    assert rows(assign_columns(EVALUATOR, "half", units)) == by_one("half", units)


def test_no_units_are_no_rows() -> None:
    """An empty file is no fault."""
    assert rows(assign_columns(EVALUATOR, "half", [])) == []
