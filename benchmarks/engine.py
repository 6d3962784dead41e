"""How long the engine takes from sealed facts to reports, against window functions in SQL on the same files.

Run: python benchmarks/engine.py [--events 2000000] [--memory 2GB] [--keep FOLDER] [--only NAME] [--derived]

Every measure runs in a process of its own, once to load and compile and once for the figures: seconds on
the clock, processor seconds of all threads, and the peak of memory, both as they are and as shares of
the reference. The reference is hand-written DuckDB SQL over the same files and in the same run:
identity by a join, journeys by window functions (first entry only), eight metrics with covariates for
three experiments. It does less: no rules of joining, no re-entry, no dead ends, no statistics. Processor
seconds are what to compare while other work uses the machine. A folder that is kept is not made again.
With ``--derived`` only the derived tables are measured: built for all days but three, refreshed for these,
and used by one experiment.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import traffic

from abplat.analysis import gather
from abplat.analysis.derived.refresh import Wanted, refresh_project
from abplat.analysis.reading import list_wanted, read
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


Figures = dict[str, float]


@contextmanager
def measured(figures: dict[str, Figures], name: str) -> Iterator[None]:
    """Note the seconds and the processor seconds of a block."""
    clock, processor = time.perf_counter(), time.process_time()
    yield
    figures[name] = {"clock": time.perf_counter() - clock, "processor": time.process_time() - processor}


def read_peak() -> float:
    """Return the most memory that this process has held, in MB."""
    try:
        # What a child inherits of its parent's peak in ``getrusage`` is not in here.
        lines = Path("/proc/self/status").read_text().splitlines()
        return float(next(line.split()[1] for line in lines if line.startswith("VmHWM:"))) / 1024
    except (OSError, StopIteration):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def take_phases(lake: Lake, settings: Settings) -> dict[str, Figures]:
    """Measure the way from facts to unit rows step by step."""
    plans, figures = traffic.make_plans(), dict[str, Figures]()
    with measured(figures, "all"):
        with measured(figures, "open"):
            snapshot = Snapshot(lake, traffic.PROJECT, traffic.AS_OF_US, settings)
        with snapshot:
            with measured(figures, "who is who"):
                _ = snapshot.who
            with measured(figures, "exposures"):
                snapshot.exposure_reader.expect(plan.experiment["key"] for plan in plans)
                exposed = [gather._expose(snapshot, plan) for plan in plans]  # noqa: SLF001  the steps themselves
            with measured(figures, "reading"):
                found = read(snapshot, plans, [each.population for each in exposed])
            with measured(figures, "unit rows"):
                for plan, each in zip(plans, exposed, strict=True):
                    gather._gather_one(snapshot, plan, each, found)  # noqa: SLF001
    return figures


def take_whole(work: Callable[[], object]) -> dict[str, Figures]:
    """Measure something that has no phases."""
    figures: dict[str, Figures] = {}
    with measured(figures, "all"):
        work()
    return figures


def make_report(lake: Lake, settings: Settings, count: int) -> dict[str, Figures]:
    """Measure the reports of so many experiments."""
    plans = traffic.make_plans()[:count]
    return take_whole(lambda: list(analyse_all(lake, plans, from_micros(traffic.AS_OF_US), settings)))


def run_reference(lake: Lake, settings: Settings) -> dict[str, Figures]:
    """Measure window functions over the same files."""
    with connect(settings) as connection:
        for kind in ("touchpoint", "exposure", "alias"):
            listed = ", ".join(f"'{path}'" for path in lake.files(traffic.PROJECT, kind))
            name = lake.path(traffic.PROJECT, kind).name
            connection.execute(f"CREATE VIEW {name} AS FROM read_parquet([{listed}], union_by_name = true)")
        return take_whole(lambda: connection.execute(REFERENCE).fetchall())


def take_derived(lake: Lake, settings: Settings) -> dict[str, Figures]:
    """Measure derived tables: built, refreshed for three days, used by one experiment."""
    # An hour past midnight everything of the day before has been received.
    plans, now = traffic.make_plans(), traffic.AS_OF_US + 3_600_000_000
    definitions, matches = list_wanted(plans)
    wanted = Wanted(tuple(definitions), tuple(matches))
    figures: dict[str, Figures] = {}

    def refresh(as_of_us: int, *, rebuild: bool = False) -> None:
        refresh_project(lake, traffic.PROJECT, settings, wanted, as_of_us=as_of_us, rebuild=rebuild)

    def gather_one() -> None:
        with Snapshot(lake, traffic.PROJECT, now, settings) as snapshot:
            next(gather.gather_all(snapshot, plans[:1]))

    with measured(figures, "all"):
        with measured(figures, "build, all days but three"):
            refresh(now - 3 * traffic.DAY, rebuild=True)
        with measured(figures, "refresh of three days"):
            refresh(now)
        with measured(figures, "to unit rows, one experiment"):
            gather_one()
        with measured(figures, "to a report, one experiment"):
            list(analyse_all(lake, plans[:1], from_micros(now), settings))
    return figures


MEASURES: dict[str, tuple[str, Callable[[Lake, Settings], dict[str, Figures]]]] = {
    "reference": ("reference: window functions in SQL", run_reference),
    "rows": ("facts to unit rows, three experiments", take_phases),
    "one": ("facts to report, one experiment", lambda lake, settings: make_report(lake, settings, 1)),
    "three": ("facts to reports, three experiments", lambda lake, settings: make_report(lake, settings, 3)),
    "derived": ("derived tables", take_derived),
}
USUAL = [name for name in MEASURES if name != "derived"]


def run_measure(name: str, folder: Path, memory: str) -> None:
    """Run a measure twice, and write the figures of the second time as JSON."""
    settings = Settings(data_dir=folder, memory_limit=memory)
    work = MEASURES[name][1]
    work(Lake(folder / "lake"), settings)
    figures = work(Lake(folder / "lake"), settings)
    sys.stdout.write(json.dumps({"figures": figures, "peak": read_peak()}))


def show(label: str, figures: Figures, reference: Figures | None, peak: float | None = None) -> None:
    """Print one line."""
    line = f"{label:<40} {figures['clock']:8.2f} s {figures['processor']:8.2f} cpu s"
    line += f" {peak:7.0f} MB" if peak is not None else " " * 11
    if reference is not None:
        shares = (figures[name] / reference[name] for name in ("clock", "processor"))
        line += "   {:.2f} of the reference on the clock, {:.2f} of its processor time".format(*shares)
    print(line, flush=True)


def compare(names: list[str], folder: Path, memory: str) -> None:
    """Run measures, each in a process of its own, and print them beside the reference."""
    reference = None
    for name in names:
        command = [sys.executable, __file__, "--measure", name, "--memory", memory, "--keep", str(folder)]
        found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        figures = found["figures"]
        whole = figures.pop("all")
        reference = whole if name == "reference" else reference
        show(MEASURES[name][0], whole, None if name == "reference" else reference, found["peak"])
        for phase, part in figures.items():
            show(f"  {phase}", part, reference)


def prepare(folder: Path, n_events: int, memory: str) -> None:
    """Make traffic and seal it."""
    began = time.perf_counter()
    lake = traffic.make_traffic(folder / "lake", n_events)
    made = time.perf_counter()
    with connect(Settings(data_dir=folder, memory_limit=memory)) as connection:
        done = seal_project(connection, lake, traffic.PROJECT, traffic.AS_OF_US, everything=True)
    sealed = time.perf_counter() - made
    print(f"traffic: {made - began:.1f} s; sealing {done.rows:,} rows: {sealed:.1f} s", flush=True)


def main() -> None:
    """Make traffic, seal it, and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=float, default=2e6)
    parser.add_argument("--memory", default="2GB")
    parser.add_argument("--keep", type=Path, help="folder for the facts; those of an earlier run are used")
    parser.add_argument("--only", choices=["ours", *MEASURES], help="leave out the rest")
    parser.add_argument("--derived", action="store_true", help="measure the derived tables alone")
    parser.add_argument("--measure", choices=list(MEASURES), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = asked.keep or Path(scratch)
        if asked.measure:
            run_measure(asked.measure, folder, asked.memory)
            return
        if not (folder / "lake").exists():
            prepare(folder, int(asked.events), asked.memory)
        names = [name for name in USUAL if name != "reference"] if asked.only == "ours" else USUAL
        names = ["derived"] if asked.derived else names
        compare([asked.only] if asked.only in MEASURES else names, folder, asked.memory)


if __name__ == "__main__":
    main()
