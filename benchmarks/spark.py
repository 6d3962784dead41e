"""The way from sealed facts to unit rows on Spark against the embedded engine, on the same files in one run.

Run: python benchmarks/spark.py [--events 2000000] [--engine local[2]]; needs pyspark and a Java.

The first time on Spark starts it and its workers; the second is what a standing cluster takes. Both
must gather the same, which is checked.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import traffic

from abplat.analysis.gather import gather_all
from abplat.analysis.gathered import Gathered
from abplat.analysis.snapshot import Snapshot
from abplat.config import Settings
from abplat.facts.engines.duckdb import connect
from abplat.facts.lake import Lake
from abplat.facts.sealing import seal_project


def gather(lake: Lake, settings: Settings) -> list[Gathered]:
    """Gather three experiments."""
    with Snapshot(lake, traffic.PROJECT, traffic.AS_OF_US, settings) as snapshot:
        return list(gather_all(snapshot, traffic.make_plans()))


def measure(label: str, lake: Lake, settings: Settings) -> tuple[float, list[Gathered]]:
    """Print the time of a second run and return it with what was found."""
    began = time.perf_counter()
    gather(lake, settings)
    first = time.perf_counter() - began
    began = time.perf_counter()
    found = gather(lake, settings)
    second = time.perf_counter() - began
    print(f"{label:<12} first {first:6.1f} s, again {second:6.1f} s", flush=True)
    return second, found


def main() -> None:
    """Make traffic, seal it, and gather on both engines."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=float, default=2e6)
    parser.add_argument("--engine", default="local[2]")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        lake = traffic.make_traffic(folder / "lake", int(asked.events))
        with connect(Settings(data_dir=folder)) as connection:
            seal_project(connection, lake, traffic.PROJECT, traffic.AS_OF_US, everything=True)
        here, ours = measure("embedded", lake, Settings(data_dir=folder))
        there, theirs = measure(asked.engine, lake, Settings(data_dir=folder, engine=asked.engine))
    for one, other in zip(ours, theirs, strict=True):
        for key, walked in one.walked.items():
            assert np.array_equal(walked.journeys.start, other.walked[key].journeys.start)
            assert np.array_equal(walked.journeys.stage_time, other.walked[key].journeys.stage_time)
    print(f"the same journeys; Spark takes {there / here:.1f} times the embedded engine")


if __name__ == "__main__":
    main()
