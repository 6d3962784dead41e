"""Assign a million units: in columns, by the SDK alone, and one by one; all three agree.

Run ``python benchmarks/assign.py``. The first call in columns compiles the hash, once for an installation.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from abplat_sdk import compile_config
from abplat_sdk.bulk import assign_many
from decide import make_experiment

from abplat.analysis.assignment import assign_columns

ROUNDS = 7
UNITS = [f"cust:{number}" for number in range(1_000_000)]
GATES = {"layer": {"key": "l", "salt": "l", "slot": [0, 5_000]}, "holdouts": [{"salt": "h", "share": 500}]}


def time_call(name: str, call: Callable[[], Any], rounds: int = ROUNDS) -> Any:
    """Print the least time of some rounds; return what the last one gave."""
    least = float("inf")
    for _ in range(rounds):
        start = time.perf_counter()
        found = call()
        least = min(least, time.perf_counter() - start)
    print(f"{name:44} {least:6.3f} s")
    return found


def main() -> None:
    """Print seconds for a million units."""
    document = {"schema_version": 1, "version": "bench", "project": "bench", "segments": {}}
    plain = make_experiment("half", [5_000, 10_000])
    gated = make_experiment("gated", [5_000, 10_000], included=5_000, **GATES)
    evaluator = compile_config({**document, "experiments": [plain, gated]})
    time_call("compile, or load what was compiled", lambda: assign_columns(evaluator, "half", UNITS[:1]), 1)
    columns = time_call("columns, 50/50", lambda: assign_columns(evaluator, "half", UNITS))
    time_call("columns, with layer, holdout and share", lambda: assign_columns(evaluator, "gated", UNITS))
    variants = time_call(
        "abplat_sdk.bulk.assign_many, 50/50", lambda: assign_many(evaluator, "half", UNITS), 3
    )
    alone = time_call("one by one", lambda: [evaluator.decide("half", unit).variant for unit in UNITS], 1)
    assert columns.variant == variants == alone


if __name__ == "__main__":
    main()
