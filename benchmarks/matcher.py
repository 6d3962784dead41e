"""How fast the matcher is on one core, against window functions in SQL on the same events.

Run: python benchmarks/matcher.py [--events 5000000]

Printed: seconds and events per second of each stage, and the ratio to the reference in the same run.
Times are processor seconds of this process, which runs on one thread. The reference is hand-written DuckDB SQL for the simplest of journeys (ordered, first entry only):
it answers less, and its completions must agree.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import duckdb
import numpy as np

from abplat.analysis.journeys.encode import EventColumns, MaskColumns, encode_masks
from abplat.analysis.journeys.matcher import match_journeys
from abplat.domain.journeys import JourneyDefinition, parse_journey

DAY = 86_400_000_000
AS_OF = 40 * DAY
CHANNELS = np.array(["web", "app", "phone", "store"], object)
SQL = """
with started as (select *, min(case when mask & 1 <> 0 then ts end) over (partition by customer) as t0 from events),
quoted as (select *, min(case when mask & 2 <> 0 and ts >= t0 and ts <= t0 + {window} then ts end)
           over (partition by customer) as t1 from started),
bought as (select customer, t0, t1, min(case when mask & 4 <> 0 and ts >= t1 and ts <= t0 + {window} then ts end) as t2
           from quoted group by all)
select count(t0), count(t1), count(t2) from bought
"""


def make_definition(**over: object) -> JourneyDefinition:
    """Return a journey of three stages."""
    stages = [{"key": key, "match": [{"event": key}]} for key in ("visit", "quote", "purchase")]
    return parse_journey({"key": "buy", "stages": stages, "window": "7d", **over}, require_owner=False)


def make_events(n: int) -> tuple[MaskColumns, int]:
    """Return events as a scan would hand them over: sorted by time, 20 per customer."""
    random = np.random.default_rng(7)
    n_customers = max(n // 20, 1)
    name = random.choice(6, n, p=[0.2, 0.12, 0.08, 0.3, 0.2, 0.1])
    mask = np.where(name < 3, np.int64(1) << name, 0)
    ts = np.sort(random.integers(0, AS_OF, n))
    none = np.full(n, None, object)
    return MaskColumns(
        customer=random.integers(0, n_customers, n).astype(np.int32),
        ts=ts,
        stage_mask=mask,
        exclude_mask=np.zeros(n, np.int64),
        in_scope=np.ones(n, bool),
        channel=CHANNELS[random.integers(0, 4, n)],
        value=random.integers(0, n_customers * 2, n).astype(str).astype(object),
        captured=none,
        ordered=True,
    ), n_customers


def timed(label: str, n: int, work: Callable[[], object], repeats: int = 3) -> float:
    """Run, print the best time and return it."""
    best = float("inf")
    for _ in range(repeats):
        start = time.process_time()
        work()
        best = min(best, time.process_time() - start)
    print(f"{label:<44} {best:8.3f} s {n / best / 1e6:8.1f} million events/s")
    return best


def reference(connection: duckdb.DuckDBPyConnection, definition: JourneyDefinition) -> tuple[int, ...]:
    """Return how many customers reached each stage, by SQL."""
    found = connection.execute(SQL.format(window=definition.window_us)).fetchone()
    return tuple(found or ())


def check(definition: JourneyDefinition, events: EventColumns, expected: tuple[int, ...]) -> None:
    """Stop when the two ways disagree."""
    reached = tuple(match_journeys(definition, events, AS_OF).reached.sum(axis=0).tolist())
    if reached != expected:
        msg = f"the matcher reaches {reached}, the reference {expected}"
        raise SystemExit(msg)


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=5_000_000)
    n = parser.parse_args().events
    masks, n_customers = make_events(n)
    once = make_definition(reentry="once")
    warm = time.process_time()
    match_journeys(once, encode_masks(*make_events(1000)), AS_OF)
    print(f"{'first call (compile, or load from cache)':<44} {time.process_time() - warm:8.3f} s")
    start = time.process_time()
    events = encode_masks(masks, n_customers)
    print(f"{'encode and sort by customer':<44} {time.process_time() - start:8.3f} s")
    plain = timed("match: ordered, first entry only", n, lambda: match_journeys(once, events, AS_OF))
    timed("match: ordered, re-entry", n, lambda: match_journeys(make_definition(), events, AS_OF))
    for label, over in {
        "strict": {"ordering": "strict"}, "any order": {"ordering": "any"},
        "inactivity, restart": {"inactivity": "2d", "reentry": "restart"}, "correlate_by": {"correlate_by": "order"},
    }.items():  # fmt: skip
        definition = make_definition(**over)
        timed(f"match: {label}", n, lambda d=definition: match_journeys(d, events, AS_OF))
    with duckdb.connect(config={"threads": 1}) as connection:
        sorted_events = {"customer": events.customer, "ts": events.ts, "mask": events.stage_mask}  # noqa: F841 -- read by SQL
        connection.execute("create table events as select * from sorted_events")
        check(once, events, reference(connection, once))
        sql = timed("reference: window functions in SQL", n, lambda: reference(connection, once), repeats=2)
    print(f"{'the matcher is faster by a factor of':<44} {sql / plain:8.1f}")


if __name__ == "__main__":
    main()
