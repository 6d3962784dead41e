"""How long a stored report takes to open as a page, how large the page is, and when a browser is ready with it.

Usage: python benchmarks/pages.py [--looks 60] [--rounds 30]

The report has every part filled; beside it the experiment has many earlier looks. ``open`` is the whole request in
the web process, reading the database included; ``processor`` is what of it is not waiting for others. With Chromium at hand the page is also loaded over the network.
"""

from __future__ import annotations

import argparse
import gzip
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
from flask import Flask

sys.path.insert(0, str(Path(__file__).parents[1]))

from abplat.app import create_app  # the tests' reports lie beside this folder
from abplat.clock import parse_instant
from abplat.config import Settings
from abplat.services import catalogue, experiments, reports
from abplat.services.experiments import Moment
from tests.web.definitions import make_definitions
from tests.web.test_sections import make_full

KEY = "shorter-form"
PLACE = f"/projects/shop/experiments/{KEY}"
PAGES = {"result": PLACE, "result per day": f"{PLACE}?scale=per_day", "brief": f"{PLACE}/brief?lang=fr"}


def fill(app: Flask, looks: int) -> None:
    """Store as many looks as asked for, the last one in full."""
    report = make_full()
    last = parse_instant(report.inputs.as_of)
    with app.extensions["abplat"].writers.begin() as session:
        catalogue.apply(session, make_definitions(KEY), now=last)
        experiments.start(session, "shop", KEY, Moment(last, last - timedelta(days=21)), anyway="a benchmark")
        for hours in range(6 * looks, -1, -6):
            text = (last - timedelta(hours=hours)).isoformat().replace("+00:00", "Z")
            inputs = msgspec.structs.replace(report.inputs, as_of=text)
            reports.store(session, msgspec.structs.replace(report, inputs=inputs), now=last)


def measure(action: Callable[[], Any], rounds: int) -> tuple[float, float]:
    """Return the median in milliseconds on the wall and of this process alone, after a warm-up."""
    action()
    walls, own = [], []
    for _ in range(rounds):
        began, busy = time.perf_counter(), time.process_time()
        action()
        walls.append(1_000 * (time.perf_counter() - began))
        own.append(1_000 * (time.process_time() - busy))
    return statistics.median(walls), statistics.median(own)


def main() -> None:
    """Print one line per page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--looks", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=30)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        app = create_app(Settings(data_dir=Path(folder), sign_in="local"))
        fill(app, asked.looks)
        client = app.test_client()
        sheets = sum(
            len(gzip.compress(path.read_bytes()))
            for path in (Path(__file__).parents[1] / "abplat" / "web" / "static").glob("*.css")
        )
        print(f"{asked.looks + 1} stored looks; style sheets {sheets / 1024:.1f} KB packed")
        print(f"{'page':<16}{'open':>14}{'processor':>12}{'packed':>10}")
        for name, path in PAGES.items():
            wall, own = measure(lambda path=path: client.get(path), asked.rounds)  # type: ignore[misc]
            size = len(client.get(path, headers={"Accept-Encoding": "gzip"}).data)
            print(f"{name:<16}{wall:>11.1f} ms{own:>9.1f} ms{size / 1024:>7.1f} KB")
        app.extensions["abplat"].close()
        load(folder, asked.rounds)


def load(folder: str, rounds: int) -> None:
    """Load the pages in Chromium from a server of its own: when the document is ready, and what came over the wire."""
    chromium = shutil.which("chromium")
    if chromium is None:
        print("no Chromium here: nothing was loaded")
        return
    from playwright.sync_api import sync_playwright  # noqa: PLC0415  # not needed without a browser

    with start_server(folder) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--headless", "--no-sandbox"])
        for name, path in PAGES.items():
            ready, sizes = [], 0
            for _ in range(min(rounds, 12)):
                page = browser.new_context().new_page()
                requests: list[Any] = []
                page.on("requestfinished", lambda each: requests.append(each))  # noqa: B023, PLW0108  # read before the next round; it marks its listener
                page.goto(f"{address}{path}")
                ready.append(
                    page.evaluate("performance.timing.loadEventEnd - performance.timing.navigationStart")
                )
                sizes = sum(
                    each.sizes()["responseBodySize"] for each in requests if each.url.startswith("http")
                )
                page.context.close()
            print(
                f"{name:<16}first load ready {statistics.median(ready[1:]):>5.0f} ms"
                f" (best {min(ready):.0f}), {sizes / 1024:.1f} KB on the wire"
            )
        browser.close()


@contextmanager
def start_server(folder: str) -> Iterator[str]:
    """Serve what was stored, in a process of its own, as it is served to people."""
    root = Path(__file__).parents[1]
    words = ["serve", "--port", "0", "--no-worker", "--data-dir", folder]
    environment = {**os.environ, "PYTHONPATH": f"{root}:{root / 'sdk' / 'python'}", "PYTHONUNBUFFERED": "1"}
    environment["ABPLAT_SIGN_IN"] = "local"
    process = subprocess.Popen(
        [sys.executable, "-m", "abplat.cli", *words], env=environment, stdout=subprocess.PIPE, text=True
    )
    try:
        found = (re.search(r"answers at (http://\S+)", line) for line in process.stdout or ())
        yield next(each[1] for each in found if each)
    finally:
        process.terminate()
        process.wait()


if __name__ == "__main__":
    main()
