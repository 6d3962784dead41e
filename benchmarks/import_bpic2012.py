"""How long the import of BPI Challenge 2012 takes: 262,200 rows into the lake, and read back.

    python benchmarks/import_bpic2012.py [FILE]

Printed as a ratio to reading the same rows with the csv module alone, in the same run. The import
ends in the lake, so there is no drain to wait for; the scan proves that the rows can be read.
"""

from __future__ import annotations

import csv
import gzip
import os
import sys
import tempfile
import time
from pathlib import Path

from abplat.analysis.snapshot import Snapshot
from abplat.clock import system_clock, to_micros
from abplat.config import Settings
from abplat.facts.lake import Lake
from abplat.services.imports.running import ImportOrder, run_import

ROOT = Path(__file__).resolve().parents[1]
DEFAULT = ROOT.parent / "shared" / "data" / "journeys" / "bpic2012.csv.gz"
MAP = ROOT / "tests" / "real" / "maps" / "bpic2012.yaml"
GOAL_SECONDS = 15.0


def read_plainly(path: Path) -> tuple[int, float]:
    """Return the rows of a file and the seconds that reading them takes."""
    began = time.perf_counter()
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        rows = sum(1 for _ in csv.reader(file)) - 1
    return rows, time.perf_counter() - began


def main() -> None:
    """Print the figures."""
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT
    if not path.exists():
        sys.exit(f"{path} is not here; name the file")
    rows, plain = read_plainly(path)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lake, settings = Lake(folder / "lake"), Settings(data_dir=folder)
        order = ImportOrder(
            kind="events", path=path, map_path=MAP, project="bpic2012", refused_path=folder / "refused.csv"
        )
        began, busy = time.perf_counter(), time.process_time()
        result = run_import(order, lake, folder / "imports", system_clock, lambda _share: None)
        seconds, busy = time.perf_counter() - began, time.process_time() - busy
        with Snapshot(lake, "bpic2012", to_micros(system_clock()), settings) as snapshot:
            readable = snapshot.count_events()
    load = os.getloadavg()[0]
    print(f"{rows:,} rows: {result}")
    print(f"in the lake and readable: {readable:,}")
    print(f"seconds: {seconds:.1f} (goal {GOAL_SECONDS:.0f}), of processor time {busy:.1f}; load {load:.1f}")
    print(f"rows/s: {rows / seconds:,.0f}; times the csv module alone: {seconds / plain:.1f}")


if __name__ == "__main__":
    main()
