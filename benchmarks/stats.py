"""How fast the statistics are, side by side with scipy, and with gbstats and tea-tasting where they are.

Run: python benchmarks/stats.py [--units 1000000] [--peers PYTHON ...]

Printed: microseconds per comparison from sums (one at a time, and per row of a page of 100), seconds for the moment
records of a million units from DuckDB, milliseconds for 28 boundaries, and the digits that are left of a variance
when the mean is 1e9. Peers that cannot live beside us (gbstats wants numpy below 2) are timed by the interpreter named
with --peers, in the same run, by the same loop.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import combinations_with_replacement

import duckdb
import numpy as np
from scipy.stats import ttest_ind_from_stats

from abplat.stats import Comparison, ComparisonPlan, Moments, compare, compare_rows

PEERS = """
import json, time
def best(call, n=200, repeats=7):
    call(); times = []
    for _ in range(repeats):
        start = time.process_time()
        for _ in range(n): call()
        times.append((time.process_time() - start) / n * 1e6)
    return min(times)
found = {}
try:
    import gbstats
    from gbstats.models.statistics import SampleMeanStatistic, RegressionAdjustedStatistic
    from gbstats.frequentist.tests import TwoSidedTTest, FrequentistConfig
    def mean(n=10000, m=1.0): return SampleMeanStatistic(n=n, sum=m * n, sum_squares=(m * m + 1) * n)
    def cuped(n=10000, m=1.0):
        return RegressionAdjustedStatistic(n=n, post_statistic=mean(n, m), pre_statistic=mean(n, 1.0),
            post_pre_sum_of_products=(m + 0.5) * n, theta=0.5)
    a, b, c, d = mean(), mean(m=1.01), cuped(), cuped(m=1.01)
    def run(x, y):
        try: return TwoSidedTTest([(x, y)], FrequentistConfig()).compute_result()
        except Exception: return TwoSidedTTest(x, y, FrequentistConfig()).compute_result()
    found["gbstats mean"] = best(lambda: run(a, b))
    found["gbstats covariate"] = best(lambda: run(c, d))
except Exception as error:
    found["gbstats"] = type(error).__name__ + ": " + str(error)[:90]
try:
    import tea_tasting as tt
    from tea_tasting.aggr import Aggregates
    def aggr(m=1.0): return Aggregates(count_=10000, mean_={"y": m, "x": 1.0}, var_={"y": 1.0, "x": 1.0}, cov_={("x", "y"): 0.5})
    a, b = aggr(), aggr(1.01)
    plain, adjusted = tt.Mean("y"), tt.Mean("y", covariate="x")
    found["tea-tasting mean"] = best(lambda: plain.analyze_aggregates(a, b), 50)
    found["tea-tasting covariate"] = best(lambda: adjusted.analyze_aggregates(a, b), 50)
except Exception as error:
    found["tea-tasting"] = type(error).__name__ + ": " + str(error)[:90]
print(json.dumps(found))
"""


def take_best(
    call: Callable[[], object],
    n: int = 100,
    repeats: int = 40,
    clock: Callable[[], float] = time.process_time,
) -> float:
    """Return the best time of a call in microseconds of the processor, or of another clock."""
    call()
    times = []
    for _ in range(repeats):
        start = clock()
        for _ in range(n):
            call()
        times.append((clock() - start) / n * 1e6)
    return min(times)


def make_arms(rows: int) -> tuple[list[Moments], list[Moments]]:
    """Make records with all columns for both arms."""
    rng = np.random.default_rng(1)
    arms: tuple[list[Moments], list[Moments]] = ([], [])
    for i in range(rows):
        for arm in arms:
            x, d = rng.normal(5, 2, 400), 1.0 + rng.poisson(3, 400)
            arm.append(Moments.from_values(x + rng.normal(0.01 * i, 1, 400), d, x, d))
    return arms


def keep_columns(record: Moments, *columns: str) -> Moments:
    """Return a record with some of its columns."""
    pairs = list(combinations_with_replacement(record.columns, 2))
    kept = [i for i, pair in enumerate(pairs) if set(pair) <= set(columns)]
    places = [record.columns.index(c) for c in columns]
    return Moments(
        columns,
        record.n,
        tuple(record.shift[i] for i in places),
        tuple(record.sum[i] for i in places),
        tuple(record.cross[i] for i in kept),
    )


def time_comparisons() -> None:
    """Print microseconds per comparison, one at a time and in a page of 100."""
    treatment, control = make_arms(100)
    shapes = {
        "mean": (("y",), ComparisonPlan()),
        "ratio": (("y", "d"), ComparisonPlan(kind="ratio")),
        "covariate": (("y", "x"), ComparisonPlan()),
        "ratio with covariate": (("y", "d", "x", "xd"), ComparisonPlan(kind="ratio")),
    }
    print(f"{'microseconds per comparison':<34}{'one':>8}{'of 100':>8}")
    for name, (columns, plan) in shapes.items():
        t, c = ([keep_columns(r, *columns) for r in arm] for arm in (treatment, control))
        one = take_best(lambda t=t, c=c, plan=plan: compare(t[0], c[0], plan))
        page = take_best(lambda t=t, c=c, plan=plan: compare_rows(t, c, plan), n=10) / 100
        print(f"  abplat {name:<25}{one:>8.1f}{page:>8.2f}")
    scipy_one = take_best(lambda: ttest_ind_from_stats(1.0, 1.0, 1000, 1.01, 1.0, 1000, equal_var=False))
    print(f"  {'scipy ttest_ind_from_stats':<32}{scipy_one:>8.1f}{'-':>8}")


def time_peers(python: str) -> None:
    """Print the same for the peers that the interpreter can import."""
    done = subprocess.run([python, "-W", "ignore", "-c", PEERS], capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"  peers: {done.stderr.strip().splitlines()[-1]}")
        return
    for name, value in json.loads(done.stdout.splitlines()[-1]).items():
        text = f"{value:>8.1f}{'-':>8}" if isinstance(value, float) else f"  not timed: {value}"
        print(f"  {name:<32}{text}")


def write_sql(metrics: int, shifts: dict[str, float]) -> str:
    """Write the query of the moment records: one group per variant and stratum, sums about the shifts."""
    sums = ["variant", "stratum", "count(*) n"]
    for m in range(metrics):
        columns = [f"y{m}", f"x{m}"]
        moved = {c: f"({c} - {shifts[c]!r})" for c in columns}
        sums += [f"sum({moved[c]}) s_{c}" for c in columns]
        sums += [
            f"sum({moved[a]} * {moved[b]}) p_{a}_{b}" for a, b in combinations_with_replacement(columns, 2)
        ]
    return f"select {', '.join(sums)} from units group by all"


def read_records(
    rows: duckdb.DuckDBPyRelation, metrics: int, shifts: dict[str, float]
) -> list[dict[str, dict[str, Moments]]]:
    """Turn the groups into records: per metric, variant and stratum."""
    names = rows.columns
    found: list[dict[str, dict[str, Moments]]] = [{} for _ in range(metrics)]
    for values in rows.fetchall():
        row = dict(zip(names, values, strict=True))
        for m, records in enumerate(found):
            y, x = f"y{m}", f"x{m}"
            record = Moments.from_sums(
                row["n"],
                {"y": row[f"s_{y}"], "x": row[f"s_{x}"]},
                {"y*y": row[f"p_{y}_{y}"], "y*x": row[f"p_{y}_{x}"], "x*x": row[f"p_{x}_{x}"]},
                {"y": shifts[y], "x": shifts[x]},
            )
            records.setdefault(row["variant"], {})[row["stratum"]] = record
    return found


def time_moments(units: int, metrics: int = 5) -> None:
    """Print seconds from a DuckDB table of units to five adjusted and stratified comparisons."""
    con = duckdb.connect(config={"threads": 2})
    columns = ", ".join(f"random() * 10 + {m} y{m}, random() * 10 + {m} x{m}" for m in range(metrics))
    con.execute("select setseed(0.5)")
    con.execute(
        "create table units as select case when random() < 0.5 then 'c' else 't' end::enum('c', 't') variant, "
        f"('s' || (range % 6))::enum('s0', 's1', 's2', 's3', 's4', 's5') stratum, {columns} from range({units})"
    )
    shifts = {f"{kind}{m}": 5.0 + m for kind in "yx" for m in range(metrics)}
    query = write_sql(metrics, shifts)

    def analyse() -> list[object]:
        found = read_records(con.sql(query), metrics, shifts)
        return [compare(records["t"], records["c"]) for records in found]

    seconds = take_best(analyse, n=1, repeats=9, clock=time.perf_counter) / 1e6
    sql = take_best(lambda: con.sql(query).fetchall(), n=1, repeats=9, clock=time.perf_counter) / 1e6
    print(f"moments of {units:,} units x {metrics} metrics, covariate, 6 strata, 2 arms (DuckDB, 2 threads)")
    print(f"  query {sql:.3f} s; with records and comparisons {seconds:.3f} s")


def time_boundaries() -> None:
    """Print milliseconds for the boundaries of 28 looks, where the sequential part is there."""
    if importlib.util.find_spec("abplat.stats.sequential") is None:
        print("28-look boundaries: abplat.stats.sequential is not here")
        return
    from abplat.stats import sequential  # noqa: PLC0415 - it may be absent

    plan = sequential.GroupSequentialPlan()
    milliseconds = take_best(lambda: sequential.set_bounds([i / 28 for i in range(1, 29)], plan), n=1) / 1e3
    print(f"28-look boundaries: {milliseconds:.1f} ms")


def count_digits() -> None:
    """Print the digits that are left of effect and error at a mean of 1e9 and a standard deviation of 1."""
    rng = np.random.default_rng(3)
    small = [rng.normal(0, 1, 200_000) for _ in "tc"]
    large = [1e9 + values for values in small]
    bottom = np.full(200_000, 4.0)
    shapes = {
        "mean": (Moments.from_values, ComparisonPlan()),
        "ratio": (lambda y: Moments.from_values(y, bottom), ComparisonPlan(kind="ratio")),
    }
    for name, (record, plan) in shapes.items():
        exact = compare(*(record(values - 1e9) for values in large), plan)
        found = compare(*(record(values) for values in large), plan)
        if isinstance(exact, Comparison) and isinstance(found, Comparison):
            pairs = ((found.effect, exact.effect), (found.se, exact.se))
            effect, se = (min(16.0, -np.log10(max(abs(a / b - 1), 1e-16))) for a, b in pairs)
            print(
                f"{name} of 1e9, standard deviation 1: {effect:.1f} digits of the effect, {se:.1f} of its error"
            )


def main() -> None:
    """Print every figure."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--units", type=int, default=1_000_000)
    parser.add_argument(
        "--peers",
        nargs="*",
        default=[sys.executable],
        help="interpreters that can import gbstats or tea-tasting",
    )
    options = parser.parse_args()
    time_comparisons()
    for python in options.peers:
        time_peers(python)
    time_moments(options.units)
    time_boundaries()
    count_digits()


if __name__ == "__main__":
    main()
