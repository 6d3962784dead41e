"""Milliseconds of one log-in over WSGI, as a ratio to the least that a durable answer can cost.

The floor is an empty request plus one insert and commit with ``synchronous=FULL`` on the same disk. Log-ins
come from one caller, then from eight at once, each with a device and a customer of its own; batches hold 100.

    python benchmarks/identify.py [--calls 400]
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from flask import Flask

from abplat.app import create_app
from abplat.config import Settings
from abplat.db.engine import make_engine
from abplat.services import catalogue, experiments, keys
from abplat.services.experiments import Moment

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.conftest import make_catalogue

THREADS = 8
BATCH = 100
NOW = datetime(2026, 1, 5, 10, tzinfo=UTC)


def main() -> None:
    """Print the median and the 99th percentile of each way to identify."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=400)
    calls = parser.parse_args().calls
    with tempfile.TemporaryDirectory() as folder:
        app = create_app(Settings(data_dir=Path(folder) / "data"))
        headers = prepare(app)
        floor = measure_floor(app, Path(folder), calls)
        print(f"floor: empty request and one durable insert {floor:7.2f} ms")
        report("one caller", measure(app, headers, "one", calls, 1), floor)
        report(f"{THREADS} callers", measure(app, headers, "many", calls, THREADS), floor)
        if any(rule.rule == "/v1/identify/batch" for rule in app.url_map.iter_rules()):
            report(f"batch of {BATCH}", measure_batches(app, headers, max(calls // 20, 5)), floor, BATCH)
        app.extensions["abplat"].close()


def prepare(app: Flask) -> dict[str, str]:
    """Make a project with a running experiment, and the header of a server key."""
    with app.extensions["abplat"].writers.begin() as session:
        catalogue.apply(session, make_catalogue(), now=NOW)
        experiments.start(session, "shop", "shorter-form", Moment(NOW))
        token = keys.create(session, "shop", "server", now=NOW).token
    return {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}


def make_body(group: str, number: int) -> dict[str, Any]:
    """Say that a device's visitor is a customer, who has seen a variant."""
    stamp = datetime.fromtimestamp(time.time(), UTC).isoformat()
    said = {"anonymous": f"anon:{group}-{number}", "known": f"cust:{group}-{number}", "ts": stamp}
    return said | {"id": f"{time.time_ns()}-{group}-{number}", "assignments": {"shorter-form": "treatment"}}


def measure(app: Flask, headers: dict[str, str], group: str, calls: int, threads: int) -> list[float]:
    """Return the milliseconds of each log-in."""
    waits: list[float] = []

    def work(first: int) -> None:
        client = app.test_client()
        for number in range(first, calls, threads):
            body = json.dumps(make_body(f"{group}{threads}", number))
            waits.append(time_call(lambda body=body: client.post("/v1/identify", data=body, headers=headers)))

    running = [threading.Thread(target=work, args=(first,)) for first in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    return waits


def measure_batches(app: Flask, headers: dict[str, str], calls: int) -> list[float]:
    """Return the milliseconds of each batch."""
    client = app.test_client()
    waits = []
    for turn in range(calls):
        body = json.dumps({"identifications": [make_body(f"batch{turn}", n) for n in range(BATCH)]})
        waits.append(
            time_call(lambda body=body: client.post("/v1/identify/batch", data=body, headers=headers))
        )
    return waits


def measure_floor(app: Flask, folder: Path, calls: int) -> float:
    """Return the milliseconds of an empty request and of a durable insert."""
    client = app.test_client()
    empty = statistics.median(time_call(lambda: client.get("/healthz")) for _ in range(calls))
    engine = make_engine(f"sqlite:///{folder / 'floor.sqlite3'}")
    connection = engine.raw_connection()
    cursor = connection.cursor()
    cursor.execute("CREATE TABLE t (x TEXT)")
    durable = []
    for _ in range(calls):
        began = time.perf_counter()
        cursor.execute("BEGIN IMMEDIATE")
        cursor.execute("INSERT INTO t VALUES ('x')")
        cursor.execute("COMMIT")
        durable.append((time.perf_counter() - began) * 1000)
    connection.close()
    engine.dispose()
    return empty + statistics.median(durable)


def time_call(call: Callable[[], Any]) -> float:
    """Return the milliseconds of a call that must be answered well."""
    began = time.perf_counter()
    answer = call()
    waited = (time.perf_counter() - began) * 1000
    if answer.status_code != 200:
        raise SystemExit(answer.text)
    return waited


def report(name: str, waits: list[float], floor: float, per_call: int = 1) -> None:
    """Print one line."""
    ordered = sorted(wait / per_call for wait in waits)
    median, worst = statistics.median(ordered), ordered[int(len(ordered) * 0.99)]
    print(f"{name:14} p50 {median:7.2f} ms  p99 {worst:7.2f} ms  ratio {median / floor:5.2f}x")


if __name__ == "__main__":
    main()
