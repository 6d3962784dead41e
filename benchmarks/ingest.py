"""Durable events per second into the intake, as a ratio to what the SQLite driver alone does.

Both write the same rows into the same table with ``synchronous=FULL``; ours comes from eight threads
that each wait for their receipt, the reference from one loop of ``executemany`` and ``COMMIT``.

    python benchmarks/ingest.py [--events 100000] [--batch 100] [--url postgresql://..]
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import threading
import time
from pathlib import Path

import msgspec
from sqlalchemy import Engine, text

from abplat.clock import system_clock
from abplat.db.engine import make_engine, writing
from abplat.db.models import intake as _tables  # noqa: F401  # registers the tables
from abplat.db.models.base import Base
from abplat.facts.intake import Intake
from abplat.facts.rows import TouchpointRow, kind_of

_THREADS = 8


def main() -> None:
    """Run both ways, three times in turn, and print the medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--batch", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--url", default="")
    arguments = parser.parse_args()
    ours, raw = [], []
    for turn in range(arguments.rounds):
        with tempfile.TemporaryDirectory() as folder:
            engine = make_engine(arguments.url or f"sqlite:///{Path(folder) / 'bench.sqlite3'}")
            Base.metadata.drop_all(writing(engine))
            Base.metadata.create_all(writing(engine))
            rows = make_rows(arguments.events, turn)
            ours.append(measure_intake(engine, rows, arguments.batch))
            if engine.dialect.name == "sqlite":
                raw.append(measure_driver(engine, rows, 500))
            engine.dispose()
    rate = arguments.events / statistics.median(seconds for seconds, _ in ours)
    waits = sorted(wait for _, each in ours for wait in each)
    print(f"intake   {rate:>10,.0f} events/s durable, {_THREADS} threads, batches of {arguments.batch}")
    print(f"         p50 {_at(waits, 0.5):.1f} ms, p99 {_at(waits, 0.99):.1f} ms a batch")
    if raw:
        reference = arguments.events / statistics.median(raw)
        print(f"driver   {reference:>10,.0f} rows/s, one thread, batches of 500")
        print(f"ratio    {rate / reference:>10.2f}")


def make_rows(count: int, turn: int) -> list[TouchpointRow]:
    """Make rows whose ids grow with time, as the SDK's do."""
    start = 1_767_607_200_000_000
    return [
        TouchpointRow(
            f"0190{turn:04x}-{index:012x}-7f3a", f"cust:{index % 50_000}", "visit", start + index, "web", 12.5,
            '{"page":"home","position":3}',
        )
        for index in range(count)
    ]  # fmt: skip


def measure_intake(engine: Engine, rows: list[TouchpointRow], batch: int) -> tuple[float, list[float]]:
    """Submit all rows from several threads; return the wall time and each call's wait in ms."""
    intake = Intake(engine, system_clock)
    batches = [rows[start : start + batch] for start in range(0, len(rows), batch)]
    waits: list[float] = []

    def send(mine: list[list[TouchpointRow]]) -> None:
        for each in mine:
            began = time.perf_counter()
            intake.submit("shop", each)
            waits.append((time.perf_counter() - began) * 1000)

    threads = [threading.Thread(target=send, args=(batches[n::_THREADS],)) for n in range(_THREADS)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - began
    intake.close()
    with engine.connect() as connection:
        stored = connection.execute(text("SELECT count(*) FROM intake")).scalar_one()
    if stored != len(rows):
        raise SystemExit(f"{stored} rows stored of {len(rows)}")
    return seconds, waits


def measure_driver(engine: Engine, rows: list[TouchpointRow], batch: int) -> float:
    """Write the same rows with the driver alone, already encoded."""
    with writing(engine).begin() as connection:
        connection.execute(text("DELETE FROM intake"))
    ready = [("shop", row.event_id, kind_of(row), msgspec.json.encode(row).decode(), 0) for row in rows]
    connection = engine.raw_connection()
    cursor = connection.cursor()
    began = time.perf_counter()
    for start in range(0, len(ready), batch):
        cursor.execute("BEGIN IMMEDIATE")
        cursor.executemany(
            "INSERT INTO intake VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING", ready[start : start + batch]
        )
        cursor.execute("COMMIT")
    seconds = time.perf_counter() - began
    connection.close()
    return seconds


def _at(ordered: list[float], share: float) -> float:
    """Return a quantile of ordered numbers."""
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


if __name__ == "__main__":
    main()
