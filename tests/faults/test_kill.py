"""Kill -9 of server and worker while clients send: nothing acknowledged is lost or doubled."""

from __future__ import annotations

import http.client
import json
import random
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from sqlalchemy import select, text

from abplat.config import Settings
from abplat.db.models.intake import intake
from abplat.facts.engines.duckdb import connect, create_view
from abplat.facts.lake import Lake
from abplat.services import keys, projects
from abplat.services.platform import open_platform

CLIENTS = 8
BATCH = 25
KILLS = {"serve": 4, "worker": 4}
# A busy machine starts processes slowly; what it has not killed by then it lets live.
PATIENCE_SECONDS = 20.0


class Process:
    """A command of abplat in its own process, started again whenever it was killed."""

    def __init__(self, *arguments: str, log: Path) -> None:
        """Remember what to run."""
        self._command = [sys.executable, "-m", "abplat.cli", *arguments]
        self._log = log
        self.start()

    def start(self) -> None:
        """Start it."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log)

    def kill(self) -> None:
        """End it without a word and start it anew."""
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        self.start()

    def stop(self) -> int:
        """Ask it to end and return its exit code."""
        self._process.terminate()
        return self._process.wait(30)


class Sender(threading.Thread):
    """A client that sends batches and repeats each until it is acknowledged, and sometimes after."""

    def __init__(self, port: int, token: str, seed: int, stop: threading.Event) -> None:
        """Prepare an empty log of what was sent and what was acknowledged."""
        super().__init__(daemon=True)
        self._address = port
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        self._random = random.Random(seed)
        self._stop_sending = stop
        self.sent: set[str] = set()
        self.acked: set[str] = set()

    def run(self) -> None:
        """Send until told to stop; what is under way is still brought to its end."""
        while not self._stop_sending.is_set():
            ids = [str(uuid.UUID(int=self._random.getrandbits(128))) for _ in range(BATCH)]
            self.sent.update(ids)
            while not self._post(ids):
                time.sleep(0.05)
                if self._stop_sending.is_set():
                    break
            else:
                self.acked.update(ids)
                if self._random.random() < 0.1:
                    self._post(ids)  # as if the answer had been lost
            time.sleep(0.01)

    def _post(self, ids: list[str]) -> bool:
        """Send a batch; tell whether all of it was acknowledged."""
        events = [
            {
                "kind": "touchpoint",
                "id": each,
                "actor": "cust:1",
                "name": "visit",
                "ts": "2026-01-05T10:00:00Z",
            }
            for each in ids
        ]
        connection = http.client.HTTPConnection("127.0.0.1", self._address, timeout=10)
        try:
            connection.request("POST", "/v1/events", json.dumps({"events": events}), self._headers)
            response = connection.getresponse()
            body = response.read()
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()
        if response.status in (503, 507):
            return False
        assert response.status == 202, body
        answer = json.loads(body)
        assert answer["accepted"] + answer["duplicates"] == len(ids), answer
        return True


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Return the settings of a fresh installation."""
    return Settings(data_dir=tmp_path / "abplat-data")


@pytest.fixture
def token(settings: Settings) -> str:
    """Return a key of the project shop."""
    platform = open_platform(settings)
    now = platform.clock()
    with platform.writers.begin() as session:
        projects.create(session, {"key": "shop", "title": "Shop"}, now=now)
        token = keys.create(session, "shop", "server", now=now).token
    platform.close()
    return token


@pytest.fixture
def port() -> int:
    """Return a port that is free, the same after every restart."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def victims(settings: Settings, port: int, tmp_path: Path) -> Iterator[dict[str, Process]]:
    """Run a server and a worker, each alone in its process."""
    folder = str(settings.data_dir)
    log = tmp_path / "processes.log"
    running = {
        "serve": Process("serve", "--no-worker", "--port", str(port), "--data-dir", folder, log=log),
        "worker": Process("worker", "--data-dir", folder, log=log),
    }
    yield running
    for process in running.values():
        process.stop()
    if "Traceback" in log.read_text():
        pytest.fail(log.read_text()[-4000:])


def wait_for_port(port: int) -> None:
    """Wait until somebody listens."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    pytest.fail("the server did not start")


def kill_at_random(victims: dict[str, Process], port: int, seed: int) -> int:
    """Kill server and worker at random moments of their work; return how often."""
    chosen = random.Random(seed)
    names = [name for name, count in KILLS.items() for _ in range(count)]
    chosen.shuffle(names)
    until = time.monotonic() + PATIENCE_SECONDS
    for number, name in enumerate(names):
        wait_for_port(port)
        time.sleep(chosen.uniform(0.1, 1.0))
        if time.monotonic() > until:
            return number
        victims[name].kill()
    return len(names)


def read_lake(settings: Settings) -> list[str]:
    """Return the ids of all rows in the lake, doubles and all."""
    files = Lake(settings.lake_dir).files("shop", "touchpoint")
    if not files:
        return []
    with duckdb.connect() as connection:
        rows = connection.execute("SELECT event_id FROM read_parquet(?)", [files]).fetchall()
    return [row[0] for row in rows]


def read_intake(settings: Settings) -> tuple[list[str], str]:
    """Return the ids in the intake, and what SQLite says of its file."""
    platform = open_platform(settings)
    with platform.engine.connect() as connection:
        ids = list(connection.execute(select(intake.c.event_id)).scalars())
        health = connection.execute(text("PRAGMA integrity_check")).scalar_one()
    platform.close()
    return ids, health


def count_doubles(settings: Settings) -> int:
    """Return how many ids readers see twice; the lake may hold one that was sent again after its drain."""
    with connect(settings) as connection:
        name = create_view(connection, Lake(settings.lake_dir), "shop", "touchpoint")
        query = f"SELECT count(*) - count(DISTINCT event_id) FROM {name}"
        return int(connection.execute(query).fetchall()[0][0])


@pytest.mark.faults
def test_kill_9_loses_and_doubles_nothing(
    settings: Settings, token: str, port: int, victims: dict[str, Process]
) -> None:
    """What was acknowledged is stored once, what is stored was sent, and the files are whole."""
    wait_for_port(port)
    stop = threading.Event()
    senders = [Sender(port, token, seed, stop) for seed in range(CLIENTS)]
    for sender in senders:
        sender.start()
    kills = kill_at_random(victims, port, seed=20_240_304)
    wait_for_port(port)
    time.sleep(1.0)
    stop.set()
    for sender in senders:
        sender.join(30)
    exits = {name: process.stop() for name, process in victims.items()}
    waiting, _ = read_intake(settings)
    stored_by_then = {*read_lake(settings), *waiting}
    subprocess.run(
        [sys.executable, "-m", "abplat.cli", "worker", "--once", "--data-dir", str(settings.data_dir)],
        check=True,
        stdout=subprocess.DEVNULL,
        timeout=60,
    )

    sent = set().union(*(sender.sent for sender in senders))
    acked = set().union(*(sender.acked for sender in senders))
    waiting, health = read_intake(settings)
    in_lake = read_lake(settings)
    assert exits == {"serve": 0, "worker": 0}
    assert health == "ok"
    assert waiting == []
    assert acked - stored_by_then == set()
    assert acked - set(in_lake) == set()
    assert set(in_lake) - sent == set()
    assert count_doubles(settings) == 0
    assert len(acked) > 20 * BATCH
    assert kills >= 3
