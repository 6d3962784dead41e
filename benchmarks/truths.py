"""How often the checks of a report find what was planted, and how often they speak where nothing was.

    python benchmarks/truths.py [--seeds 40] [--people 2000]

For each seed one set of facts per plant is simulated (``tests/analysis/planted.py``), analysed and its findings
are counted. A check is right if it speaks of its own plant and of no other.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from abplat.analysis.scorecard import analyse
from abplat.config import Settings
from abplat.domain.report import Report
from tests.analysis.planted import Planted, make_planted_plan
from tests.analysis.simulated import AS_OF

SPEND = {"metrics": [{"metric": "spend", "role": "primary"}], "horizon": "6d"}
PLANTS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "nothing, known customers": ({}, {}),
    "nothing, log-in on two devices": ({"known": False, "second": 0.04}, {}),
    "nothing, spending": ({}, SPEND),
    "recognition by the variant": ({"known": False, "second": 0.6, "recognition": 0.6}, {}),
    "novelty": ({"novelty": 1.2}, SPEND),
    "shift of paths": ({"path": 0.15}, {}),
}
CHECKS = {
    "split": ("sample_ratio",),
    "identity": ("identification", "merge_rate", "crossover", "identity_sensitivity"),
    "novelty": ("novelty",),
    "weeks": ("weeks",),
    "paths": ("paths",),
    "interaction": ("interaction",),
}


def speak(report: Report) -> set[str]:
    """Return the checks that speak: with more than a pass."""
    codes = {found.code for found in report.findings if found.severity != "pass"}
    return {name for name, mine in CHECKS.items() if codes & set(mine)}


def count(plant: str, seeds: int, people: int) -> Counter[str]:
    """Return how often each check speaks of one plant."""
    planted, plan = PLANTS[plant]
    spoken: Counter[str] = Counter()
    for seed in range(seeds):
        with tempfile.TemporaryDirectory() as folder:
            made = Planted(Path(folder), seed)
            made.run(people, **planted)
            report = analyse(made.write(), make_planted_plan(**plan), AS_OF, Settings(data_dir=Path(folder)))
        spoken.update(speak(report))
    return spoken


def main() -> None:
    """Print a table: per plant the share of the seeds in which each check speaks."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=40)
    parser.add_argument("--people", type=int, default=2_000)
    given = parser.parse_args()
    print(f"| planted ({given.seeds} seeds, {given.people} people) | {' | '.join(CHECKS)} |")
    print("|---" * (len(CHECKS) + 1) + "|")
    for plant in PLANTS:
        spoken = count(plant, given.seeds, given.people)
        print(
            f"| {plant} | "
            + " | ".join(f"{100 * spoken[name] / given.seeds:.0f} %" for name in CHECKS)
            + " |",
            flush=True,
        )


if __name__ == "__main__":
    main()
