"""How long ``abplat serve`` takes until it answers, and how much memory the web process then holds.

Usage: python benchmarks/serve.py [--runs 5]

The reference is a bare Flask application under the same server, started in turn with it.
"""

from __future__ import annotations

import argparse
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

BARE = """
import sys
from flask import Flask
from waitress import serve
app = Flask("bare")
app.add_url_rule("/healthz", view_func=lambda: "ok")
serve(app, host="127.0.0.1", port=int(sys.argv[1]))
"""


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start(command: list[str], port: int) -> tuple[float, float]:
    """Start a server; return the seconds to its first answer and its memory in MB."""
    began = time.perf_counter()
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while True:
            try:
                with urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5):
                    break
            except (URLError, OSError):
                time.sleep(0.01)
        seconds = time.perf_counter() - began
        status = Path(f"/proc/{server.pid}/status").read_text("utf-8")
        memory = re.search(r"VmRSS:\s+(\d+)", status)
        return seconds, int(memory[1]) / 1024 if memory else 0.0
    finally:
        server.terminate()
        server.wait(20)


def main() -> None:
    """Print start-up time and memory of the first start, later starts and the reference."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    runs = parser.parse_args().runs
    rows: dict[str, list[tuple[float, float]]] = {"first start": [], "later start": [], "bare Flask": []}
    with tempfile.TemporaryDirectory() as folder:
        for run in range(runs):
            data = f"{folder}/{run}"
            for name in ("first start", "later start"):
                port = free_port()
                words = ["serve", "--no-worker", "--data-dir", data, "--port", str(port)]
                rows[name].append(start([sys.executable, "-m", "abplat.cli", *words], port))
            port = free_port()
            rows["bare Flask"].append(start([sys.executable, "-c", BARE, str(port)], port))
    reference = statistics.median(seconds for seconds, _ in rows["bare Flask"])
    for name, found in rows.items():
        seconds = statistics.median(each[0] for each in found)
        memory = statistics.median(each[1] for each in found)
        print(
            f"{name:12} {seconds:5.2f} s to the first answer ({seconds / reference:3.1f}x bare), {memory:4.0f} MB"
        )


if __name__ == "__main__":
    main()
