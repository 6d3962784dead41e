"""Whether error rates, coverages and power are what they say: many simulated experiments with fixed seeds.

Run: python benchmarks/calibrate.py [--simulations 20000] [--only TEXT] [--write docs/reference/calibration.md]

Each case simulates experiments whose truth is known and counts how often a method is wrong (a false positive
where nothing happened, an interval that misses the effect) or, for power, right. What each promise means is
printed above the table. The short form of the same table is a test.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from pathlib import Path

from calibration.cases import LIMIT, Case, Outcome, run_case
from calibration.families import list_families
from calibration.groups import list_groups, list_journeys, list_scores
from calibration.looks import list_looks
from calibration.means import list_means, list_more
from calibration.power import list_power
from calibration.tables import list_tables
from calibration.times import list_times

PARTS = {
    "Means, ratios, covariates, strata": list_means,
    "Counts, margins, quantiles, checks": list_more,
    "Shares, rates, the split": list_tables,
    "Time to event": list_times,
    "Groups, novelty, clusters, concurrent experiments": list_groups,
    "Parts of an effect along a journey": list_journeys,
    "Satisfaction scores": list_scores,
    "Daily looks": list_looks,
    "Families, picked effects, beliefs": list_families,
    "Power as planned": list_power,
}
PREFACE = """# Calibration

Printed by `make calibrate` (fixed seeds, up to {simulations:,} simulated experiments per row, fewer where one costs
more). *Seen* is the share of false positives where nothing happened, of intervals that miss the effect, or, under
power, of experiments that show it. What a promise means:

- **5.0%**: the share lies within {limit} binomial standard deviations of it; one row in a thousand may fail by chance.
- **about 5.0%**: an approximation for many units, tried at a moderate number: within one point.
- **at most 5.0%**: careful by design (exact tests, always-valid intervals, families): not above, but for noise.
- **80.1% power**: within 1.5 points of what the planner says; *at most* where the planner is known to be a little
  optimistic, as the row says.

Intervals of shrunken effects promise at most 6.5 % misses **on average over the groups** that are shown together, not
5 % and not for each group: a group far from all others is pulled too far, and its own interval misses more often.
"""


def list_cases() -> Iterator[Case]:
    """Yield every case."""
    for part in PARTS.values():
        yield from part()


def write_promise(case: Case) -> str:
    """Say what a case promises."""
    prefix = "" if case.rule in ("exact", "power") else f"{case.rule} "
    return f"{prefix}{case.rate:.1%}" + (" power" if case.name.startswith("power") else "")


def write_rows(outcomes: list[Outcome]) -> Iterator[str]:
    """Yield the lines of a table."""
    yield "| Method | Promised | Seen | Simulations | Standard deviations off | |"
    yield "|---|---|---|---|---|---|"
    for outcome in outcomes:
        mark = "as promised" if outcome.is_good else "**off**"
        yield (
            f"| {outcome.case.name} | {write_promise(outcome.case)} | {outcome.share:.2%} | {outcome.n:,} "
            f"| {outcome.deviation:+.1f} | {mark} |"
        )


def main() -> int:
    """Run every case, print the tables, and fail where a rate is off."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--simulations", type=int, default=20_000)
    parser.add_argument("--only", default="", help="run the cases whose name holds this text")
    parser.add_argument("--write", type=Path, help="file for the tables")
    options = parser.parse_args()
    started, good = time.perf_counter(), True
    lines = [PREFACE.format(simulations=options.simulations, limit=LIMIT)]
    for title, part in PARTS.items():
        outcomes = [run_case(case, options.simulations) for case in part() if options.only in case.name]
        if outcomes:
            lines += [f"## {title}", "", *write_rows(outcomes), ""]
            print("\n".join([f"## {title}", "", *write_rows(outcomes), ""]), flush=True)
        good = good and all(outcome.is_good for outcome in outcomes)
    print(f"{time.perf_counter() - started:.0f} s")
    if options.write:
        options.write.write_text("\n".join(lines))
    return 0 if good else 1


if __name__ == "__main__":
    raise SystemExit(main())
