"""How often each check finds the truth planted for it, and how often another one does.

    python -m benchmarks.planted_links --seeds 40

The table goes into ``docs/reference/links.md`` with ``--write``. Rates depend on seeds alone, not on
the machine.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import Counter
from pathlib import Path

from tests.analysis.planted_links import CHECKS, WORLDS, alarms, judge_world

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "links.md"
BEGIN, END = "<!-- planted: begin -->", "<!-- planted: end -->"


def count_alarms(world: str, seeds: int, n: int) -> Counter[str]:
    """Count in how many worlds each check speaks."""
    found: Counter[str] = Counter()
    for seed in range(seeds):
        with tempfile.TemporaryDirectory() as folder:
            found.update(alarms(judge_world(world, Path(folder), n=n, seed=1_000 + seed)))
    return found


def write_table(counts: dict[str, Counter[str]], seeds: int) -> str:
    """Write the rates as a table."""
    head = [f"| planted ({seeds} seeds each) | {' | '.join(CHECKS)} |", "|---|" + "---|" * len(CHECKS)]
    rows = [
        f"| {world} | {' | '.join(f'{100 * found[check] / seeds:.0f} %' for check in CHECKS)} |"
        for world, found in counts.items()
    ]
    return "\n".join(head + rows)


def main() -> None:
    """Run and print; write into the page where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=40)
    parser.add_argument("--customers", type=int, default=2_400)
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    table = write_table(
        {world: count_alarms(world, given.seeds, given.customers) for world in WORLDS}, given.seeds
    )
    print(table)
    if given.write:
        page = PAGE.read_text()
        before, rest = page.split(BEGIN)
        PAGE.write_text(f"{before}{BEGIN}\n{table}\n{END}{rest.split(END)[1]}")


if __name__ == "__main__":
    main()
