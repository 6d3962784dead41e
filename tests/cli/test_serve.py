"""The real server: started on an empty folder, asked, and stopped."""

from __future__ import annotations

import json
import os
import re
import signal
import stat
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {
    "PYTHONPATH": f"{ROOT}:{ROOT / 'sdk' / 'python'}",
    "PATH": "/usr/bin:/bin",
    "PYTHONUNBUFFERED": "1",
}
Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture(name="start")
def _start(tmp_path: Path) -> Iterator[Start]:
    """Return a function that starts a server; whatever is left is ended."""
    running: list[subprocess.Popen[str]] = []

    def start(*options: str) -> subprocess.Popen[str]:
        """Start a server on the data of this test."""
        command = [
            sys.executable,
            "-m",
            "abplat.cli",
            "serve",
            "--data-dir",
            str(tmp_path / "data"),
            "--port",
            "0",
        ]
        process = subprocess.Popen(
            [*command, *options], env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        running.append(process)
        return process

    yield start
    for process in running:
        process.kill()
        process.communicate()


def read_url(process: subprocess.Popen[str]) -> str:
    """Wait for the line that says where the server is."""
    assert process.stdout is not None
    line = process.stdout.readline()
    found = re.search(r"http://\S+", line)
    assert found, line or (process.stderr.read() if process.stderr else "")
    return found[0]


def test_the_first_start_makes_everything(start: Start, tmp_path: Path) -> None:
    """Folder, tables, project, key and a call to try; the key opens the API at once."""
    process = start("--no-worker")
    url = read_url(process)
    assert process.stdout is not None
    token = process.stdout.readline().rpartition(" ")[2].strip()
    assert token in process.stdout.readline()
    request = urllib.request.Request(f"{url}/v1/projects", headers={"X-API-Key": token})
    with urllib.request.urlopen(request) as answer:
        projects = json.load(answer)

    assert [project["key"] for project in projects["items"]] == ["main"]
    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700


def test_the_first_administrator_gets_a_link(start: Start) -> None:
    """Once somebody may come, strangers are sent to the door."""
    process = start("--no-worker")
    url = read_url(process)
    assert process.stdout is not None
    lines = [process.stdout.readline() for _ in range(3)]
    link = lines[2].rpartition(" ")[2].strip()
    with urllib.request.urlopen(link) as answer:
        page = answer.read().decode()
    with urllib.request.urlopen(url) as answer:
        door = answer.url

    assert link.startswith(f"{url}/welcome/")
    assert "You set up this installation" in page
    assert door == f"{url}/sign-in?next=/"


def test_without_sign_in_pages_are_open_to_this_machine_alone(start: Start) -> None:
    """Never to the network."""
    refused = start("--no-worker", "--sign-in", "local", "--host", "0.0.0.0")
    _, said = refused.communicate(timeout=60)
    url = read_url(start("--no-worker", "--sign-in", "local"))
    with urllib.request.urlopen(url) as answer:
        page = answer.read().decode()

    assert "No sign-in: this machine only" in page
    assert refused.returncode == 2
    assert "lets everybody in" in said


def test_a_second_server_is_refused(start: Start) -> None:
    """It names the first one and leaves the data alone."""
    first = start("--no-worker")
    url = read_url(first)
    second = start("--no-worker")
    _, said = second.communicate(timeout=30)

    assert second.returncode == 2
    assert url in said
    assert str(first.pid) in said
    assert "Traceback" not in said


def test_a_signal_stops_server_and_worker(start: Start) -> None:
    """The worker is started beside the server and ends with it."""
    process = start()
    read_url(process)
    deadline = time.monotonic() + 30
    children: list[str] = []
    while not children and time.monotonic() < deadline:
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        time.sleep(0.05)
    time.sleep(1)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)

    assert children
    assert process.returncode == 0
    for child in children:
        with pytest.raises(ProcessLookupError):
            os.kill(int(child), 0)


def test_a_taken_port_is_named(start: Start, tmp_path: Path) -> None:
    """One line says which address and what to try."""
    port = read_url(start("--no-worker")).rpartition(":")[2]
    command = [
        sys.executable,
        "-m",
        "abplat.cli",
        "serve",
        "--data-dir",
        str(tmp_path / "other"),
        "--port",
        port,
    ]
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, check=False, timeout=60)

    assert done.returncode == 2
    assert f":{port}" in done.stderr
    assert "Traceback" not in done.stderr
