"""How long the engine takes from sealed facts to reports, against window functions in SQL on the same files.

Run: python benchmarks/engine.py [--events 2000000] [--memory 2GB] [--keep FOLDER]

Printed per phase: seconds on the clock, processor seconds of all threads and the peak of memory. The
reference is hand-written DuckDB SQL over the same files and in the same run: identity by a join,
journeys by window functions (first entry only), eight metrics with covariates for three experiments.
It does less: no rules of joining, no re-entry, no dead ends, no statistics. Processor seconds are what
to compare while other work uses the machine.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import traffic

from abplat.analysis.gather import gather_all
from abplat.analysis.scorecard import analyse_all
from abplat.analysis.snapshot import Snapshot
from abplat.clock import from_micros
from abplat.config import Settings
from abplat.facts.engines.duckdb import connect
from abplat.facts.lake import Lake
from abplat.facts.sealing import seal_project

REFERENCE = """
WITH people AS (SELECT a, min(b) AS b FROM aliases GROUP BY a),
events AS (
  SELECT coalesce(p.b, t.actor) AS who, ts_us AS ts, name, channel, value
  FROM touchpoints t LEFT JOIN people p ON p.a = t.actor),
met AS (
  SELECT experiment, coalesce(p.b, e.actor) AS who, arg_min(variant, ts_us) AS variant, min(ts_us) AS t
  FROM exposures e LEFT JOIN people p ON p.a = e.actor GROUP BY ALL),
started AS (SELECT *, min(CASE WHEN name = 'visit' THEN ts END) OVER w AS t0 FROM events WINDOW w AS (PARTITION BY who)),
quoted AS (SELECT *, min(CASE WHEN name = 'quote' AND ts >= t0 AND ts <= t0 + 604800000000 THEN ts END) OVER w AS t1
  FROM started WINDOW w AS (PARTITION BY who)),
bought AS (SELECT *, min(CASE WHEN name = 'purchase' AND ts >= t1 AND ts <= t0 + 604800000000 THEN ts END) OVER w AS t2
  FROM quoted WINDOW w AS (PARTITION BY who)),
rows AS (
  SELECT m.experiment, m.variant, m.who,
    max((t0 BETWEEN m.t AND m.t + h)::INT) AS s, max((t1 BETWEEN m.t AND m.t + h)::INT) AS q,
    max((t2 BETWEEN m.t AND m.t + h)::INT) AS c, min(CASE WHEN t2 >= m.t THEN t2 - m.t END) AS d,
    count(*) FILTER (ts BETWEEN m.t AND m.t + h) AS n, count(*) FILTER (ts < m.t AND ts >= m.t - h) AS n0,
    count(*) FILTER (name = 'call' AND ts BETWEEN m.t AND m.t + h) AS k,
    count(*) FILTER (name = 'call' AND ts < m.t AND ts >= m.t - h) AS k0,
    count(*) FILTER (name = 'chat' AND channel IN ('web', 'app') AND ts BETWEEN m.t AND m.t + h) AS g,
    count(*) FILTER (name = 'chat' AND channel IN ('web', 'app') AND ts < m.t AND ts >= m.t - h) AS g0,
    coalesce(sum(value) FILTER (name = 'purchase' AND ts BETWEEN m.t AND m.t + h), 0) AS v,
    coalesce(sum(value) FILTER (name = 'purchase' AND ts < m.t AND ts >= m.t - h), 0) AS v0
  FROM met m LEFT JOIN bought b USING (who), (SELECT 604800000000 AS h) GROUP BY ALL)
SELECT experiment, variant, count(*), sum(s), sum(q), sum(c), avg(d), sum(n), sum(n * n), sum(n0), sum(n0 * n0),
  sum(n * n0), sum(k), sum(k * k), sum(k0), sum(k0 * k0), sum(k * k0), sum(g), sum(g0), sum(g * g0), sum(v),
  sum(v * v), sum(v0), sum(v0 * v0), sum(v * v0) FROM rows GROUP BY ALL ORDER BY ALL
"""


def measure(label: str, work: Callable[[], Any]) -> float:
    """Run twice, print the second time, which loads and compiles nothing, and return its processor seconds."""
    work()
    clock, processor = time.perf_counter(), time.process_time()
    work()
    spent = time.process_time() - processor
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{label:<52} {time.perf_counter() - clock:8.2f} s {spent:8.2f} cpu s {peak:8.0f} MB", flush=True)
    return spent


def run_ours(lake: Lake, settings: Settings) -> None:
    """Measure our way from facts to reports."""
    plans = traffic.make_plans()

    def gather() -> int:
        with Snapshot(lake, traffic.PROJECT, traffic.AS_OF_US, settings) as snapshot:
            return sum(len(found.population) for found in gather_all(snapshot, plans))

    def report(count: int) -> Callable[[], int]:
        return lambda: len(list(analyse_all(lake, plans[:count], from_micros(traffic.AS_OF_US), settings)))

    measure("facts to unit rows, three experiments", gather)
    measure("facts to reports, one experiment", report(1))
    measure("facts to reports, three experiments", report(3))


def run_reference(lake: Lake, settings: Settings) -> None:
    """Measure window functions over the same files."""
    with connect(settings) as connection:
        for kind in ("touchpoint", "exposure", "alias"):
            listed = ", ".join(f"'{path}'" for path in lake.files(traffic.PROJECT, kind))
            name = lake.path(traffic.PROJECT, kind).name
            connection.execute(f"CREATE VIEW {name} AS FROM read_parquet([{listed}], union_by_name = true)")
        measure("reference: window functions in SQL", lambda: connection.execute(REFERENCE).fetchall())


def main() -> None:
    """Make traffic, seal it, and measure both ways, each in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=float, default=2e6)
    parser.add_argument("--memory", default="2GB")
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--only", choices=["ours", "reference"])
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = asked.keep or Path(scratch)
        settings = Settings(data_dir=folder, memory_limit=asked.memory)
        if asked.only:
            work = run_ours if asked.only == "ours" else run_reference
            work(Lake(folder / "lake"), settings)
            return
        began = time.perf_counter()
        lake = traffic.make_traffic(folder / "lake", int(asked.events))
        made = time.perf_counter()
        with connect(settings) as connection:
            done = seal_project(connection, lake, traffic.PROJECT, traffic.AS_OF_US, everything=True)
        sealed = time.perf_counter() - made
        print(f"traffic: {made - began:.1f} s; sealing {done.rows:,} rows: {sealed:.1f} s", flush=True)
        for part in ("ours", "reference"):
            command = [
                sys.executable,
                __file__,
                "--only",
                part,
                "--memory",
                asked.memory,
                "--keep",
                str(folder),
            ]
            subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
