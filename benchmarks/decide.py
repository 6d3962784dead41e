"""Compare a local decision with a hand-written murmur3 closure in the same process.

The closure is the least that could be written for the same work; a decision also checks the unit and
returns a full result. Run ``python benchmarks/decide.py``; lower is better.
"""

from __future__ import annotations

import time
from bisect import bisect_right
from collections.abc import Callable
from functools import partial
from typing import Any

import mmh3
from abplat_sdk import compile_config

ROUNDS = 15
UNITS = [f"cust:{number}" for number in range(20_000)]
ATTRIBUTES = {"country": "DE", "age": 41, "version": "2.4.1"}
RULE = {
    "all": [
        {"attribute": "country", "op": "in", "value": ["DE", "AT", "CH"]},
        {"attribute": "age", "op": "gte", "value": 18},
        {"attribute": "version", "op": "semver_gte", "value": "2.0.0"},
    ]
}


def make_experiment(key: str, bounds: list[int], **fields: Any) -> dict[str, Any]:
    """Describe an experiment whose variants end at the bounds."""
    variants = [{"key": f"v{n}", "bound": bound, "payloads": {}} for n, bound in enumerate(bounds)]
    base = {"key": key, "salt": "9f2c1a07", "hash_version": 1, "unit_type": "cust", "state": "running"}
    rest = {
        "layer": None,
        "holdouts": [],
        "included": 10_000,
        "control": "v0",
        "targeting": None,
        "overrides": {},
    }
    return {**base, **rest, "variants": variants, **fields}


def make_floor(seed: int) -> Callable[[str], str]:
    """Write the closure that every ratio is taken against."""
    hash_of = mmh3.hash

    def floor(unit: str) -> str:
        return "v0" if hash_of(unit, seed, signed=False) % 10_000 < 5_000 else "v1"

    return floor


def time_call(call: Callable[[str], Any]) -> float:
    """Return microseconds per call of one round."""
    start = time.perf_counter()
    for unit in UNITS:
        call(unit)
    return (time.perf_counter() - start) / len(UNITS) * 1e6


def make_targeted_floor(seed: int) -> Callable[[str], str | None]:
    """Write by hand the same three conditions and four variants."""
    hash_of, bounds, names = mmh3.hash, [2_500, 5_000, 7_500, 10_000], ["v0", "v1", "v2", "v3"]
    countries, attributes = {"DE", "AT", "CH"}, ATTRIBUTES

    def floor(unit: str) -> str | None:
        if attributes["country"] not in countries or attributes["age"] < 18:
            return None
        if tuple(map(int, attributes["version"].split("."))) < (2, 0, 0):
            return None
        return names[bisect_right(bounds, hash_of(unit, seed, signed=False) % 10_000)]

    return floor


def make_cases() -> list[tuple[str, int, Callable[[str], Any], Callable[[str], Any]]]:
    """List what is compared: name, decisions per call, decision, closure that does the same work."""
    many = [make_experiment(f"e{number}", [5_000, 10_000], salt=f"salt{number:04}") for number in range(50)]
    targeted = make_experiment("targeted", [2_500, 5_000, 7_500, 10_000], targeting=RULE)
    document = {"schema_version": 1, "version": "bench", "project": "bench", "segments": {}}
    evaluator = compile_config(
        {**document, "experiments": [make_experiment("half", [5_000, 10_000]), targeted]}
    )
    everything = compile_config({**document, "experiments": many})
    floors = [make_floor(seed) for seed in range(50)]
    half, decide = partial(evaluator.decide, "half"), evaluator.decide
    return [
        ("50/50", 1, half, make_floor(7)),
        (
            "3 conditions, 4 variants",
            1,
            lambda unit: decide("targeted", unit, ATTRIBUTES),
            make_targeted_floor(7),
        ),
        ("all of 50", 50, everything.decide_all, lambda unit: [floor(unit) for floor in floors]),
    ]


def main() -> None:
    """Print microseconds per decision and the ratio, per case."""
    for name, per_call, decide, floor in make_cases():
        ours = theirs = float("inf")
        for _ in range(ROUNDS if per_call == 1 else 3):  # in turns, so that a busy machine slows both alike
            ours, theirs = min(ours, time_call(decide)), min(theirs, time_call(floor))
        print(
            f"{name:26} decision {ours / per_call:6.3f} us   murmur3 closure {theirs / per_call:6.3f} us"
            f"   ratio {ours / theirs:4.1f}x"
        )


if __name__ == "__main__":
    main()
