"""Compare an OFREP evaluation with a bare Flask view under the same server, settings and clients.

The bare view reads the same body and answers as many bytes of JSON; it checks no key, decides nothing and
knows no errors. Every evaluation goes by the ledger of assignments: for one visitor, who evaluates flag after
flag; for a different visitor with each request, whom the ledger knows; and with ``abplatLedger: false``, which
asks no database. Run ``python benchmarks/ofrep.py``; a ratio of 1 means that abplat adds nothing.
"""

from __future__ import annotations

import itertools
import json
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from abplat.config import Settings
from abplat.db.queries import assignments
from abplat.db.queries.assignments import Entry, Pin
from abplat.services import catalogue, experiments, keys
from abplat.services.experiments import Moment
from abplat.services.platform import open_platform

CONNECTIONS = 4
SECONDS = 1.0
ROUNDS = 5
PATH = "/ofrep/v1/evaluate/flags/form"
VISITORS = 100_000
ONE, MANY, PURE = "one visitor", "another visitor each time", "without the ledger"
BARE = """
import sys
from flask import Flask, jsonify, request
from waitress.server import create_server
app = Flask("bare")
@app.post("/ofrep/v1/evaluate/flags/<key>")
def view(key):
    unit = request.get_json()["context"]["targetingKey"]
    metadata = {"experimentId": key, "inExperiment": True, "decisionReason": "split", "version": "0123456789abcdef",
                "contextId": unit, "flagSetId": "shop", "bucket": 3658}
    return jsonify({"key": key, "reason": "SPLIT", "variant": "control", "value": {"fields": 9}, "metadata": metadata})
server = create_server(app, host="127.0.0.1", port=0, threads=16, connection_limit=2000, channel_timeout=20, ident=None)
print(f"http://127.0.0.1:{server.effective_port}", flush=True)
server.run()
"""
JOURNEY = {
    "key": "buy",
    "title": "Buy",
    "owner": "Ada",
    "stages": [{"key": "a", "match": [{"event": "a"}]}, {"key": "b", "match": [{"event": "b"}]}],
    "window": "7d",
}
CATALOGUE: dict[str, Any] = {
    "project": {"key": "shop", "title": "Shop"},
    "channels": [{"key": "web", "title": "Web"}],
    "journeys": [JOURNEY],
    "metrics": [{"key": "done", "title": "Done", "owner": "Ada", "kind": "completion", "journey": "buy"}],
    "experiments": [
        {
            "key": "form", "title": "Form", "owner": "Ada", "journey": "buy", "horizon": "7d",
            "variants": [
                {"key": "control", "weight": 5_000, "payloads": {"web": {"fields": 9}}},
                {"key": "treatment", "weight": 5_000, "payloads": {"web": {"fields": 3}}},
            ],
            "targeting": {"attribute": "country", "op": "equals", "value": "DE"},
            "metrics": [{"metric": "done", "role": "primary"}],
        }
    ],
}  # fmt: skip


def prepare(data_dir: Path) -> str:
    """Define and start an experiment; return a key."""
    now = datetime.now(UTC)
    platform = open_platform(Settings(data_dir=data_dir))
    with platform.writers.begin() as session:
        catalogue.apply(session, CATALOGUE, now=now)
        experiments.start(session, "shop", "form", Moment(now))
        token = keys.create(session, "shop", "server", now=now).token
        pin = Pin("control", now)
        assignments.keep(
            session.connection(), "shop", [Entry(f"cust:{number}", "form", pin) for number in range(VISITORS)]
        )
    platform.close()
    return token


def start(command: list[str]) -> tuple[subprocess.Popen[str], int]:
    """Start a server; return it with its port."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    found = re.search(r"http://[^:]+:(\d+)", process.stdout.readline())
    assert found is not None
    return process, int(found[1])


def make_body(mode: str, number: int) -> bytes:
    """Return the body of one request."""
    more = {"abplatLedger": False} if mode == PURE else {}
    unit = f"cust:{number % VISITORS if mode == MANY else 0}"
    return json.dumps({"context": {"targetingKey": unit, "country": "DE", "channel": "web", **more}}).encode()


def ask_on(port: int, token: str, end: float, counts: list[int], mode: str, numbers: Iterator[int]) -> None:
    """Send one request after the other over one connection."""
    head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n"
    count = 0
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while time.perf_counter() < end:
            body = make_body(mode, next(numbers))
            connection.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
            answer = connection.recv(65_536)
            while b"\r\n\r\n" not in answer or not answer.rstrip().endswith(b"}"):
                answer += connection.recv(65_536)
            assert answer.startswith(b"HTTP/1.1 200"), answer[:200]
            count += 1
    counts.append(count)


def measure(port: int, token: str, mode: str, numbers: Iterator[int]) -> float:
    """Return requests a second."""
    counts: list[int] = []
    end = time.perf_counter() + SECONDS
    asked = (port, token, end, counts, mode, numbers)
    clients = [threading.Thread(target=ask_on, args=asked) for _ in range(CONNECTIONS)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    return sum(counts) / SECONDS


def main() -> None:
    """Print requests a second of both, and their ratio."""
    with tempfile.TemporaryDirectory() as folder:
        data_dir = Path(folder) / "data"
        token = prepare(data_dir)
        serve = ["-m", "abplat.cli", "serve", "--data-dir", str(data_dir), "--port", "0", "--no-worker"]
        ours, our_port = start([sys.executable, *serve])
        bare, bare_port = start([sys.executable, "-c", BARE])
        try:
            numbers = itertools.count()
            modes = {
                mode: [
                    (measure(our_port, token, mode, numbers), measure(bare_port, token, mode, numbers))
                    for _ in range(ROUNDS)
                ]
                for mode in (ONE, MANY, PURE)
            }
        finally:
            for process in (ours, bare):
                process.terminate()
                process.communicate()
    for mode, pairs in modes.items():
        best, floor = (max(found) for found in zip(*pairs, strict=True))
        print(f"{mode:26}{best:7.0f}/s   bare Flask view {floor:7.0f}/s   ratio {best / floor:.2f}")


if __name__ == "__main__":
    main()
