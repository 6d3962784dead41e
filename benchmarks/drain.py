"""Rows per second from the intake into the lake, as a ratio to the rate they were taken in.

python benchmarks/drain.py [--events 200000] [--url postgresql://..]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from abplat.db.engine import make_engine, writing
from abplat.db.upgrade import load_metadata
from abplat.facts.drain import Drain
from abplat.facts.lake import Lake

sys.path.insert(0, str(Path(__file__).parent))
from ingest import make_rows, measure_intake


def main() -> None:
    """Fill an intake, drain it and print both rates."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--batch-rows", type=int, default=20_000)
    parser.add_argument("--url", default="")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        engine = make_engine(arguments.url or f"sqlite:///{Path(folder) / 'bench.sqlite3'}")
        load_metadata().drop_all(writing(engine))
        load_metadata().create_all(writing(engine))
        ingest_seconds, _ = measure_intake(engine, make_rows(arguments.events, 0), 100)
        drain = Drain(engine, Lake(Path(folder) / "lake"), batch_rows=arguments.batch_rows)
        began = time.perf_counter()
        moved = drain.run()
        seconds = time.perf_counter() - began
        engine.dispose()
    if moved != arguments.events:
        raise SystemExit(f"{moved} rows moved of {arguments.events}")
    print(f"intake {arguments.events / ingest_seconds:>10,.0f} events/s")
    print(f"drain  {moved / seconds:>10,.0f} rows/s, batches of {arguments.batch_rows}")
    print(f"ratio  {ingest_seconds / seconds:>10.2f}")


if __name__ == "__main__":
    main()
