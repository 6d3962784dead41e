"""Starts the platform on a folder of its own, sends the stories through it and judges them."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from importlib import resources
from pathlib import Path

import yaml
from abplat_sdk import Client
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from abplat.demo.door import Door
from abplat.demo.stories import Shop
from abplat.demo.traffic import DURATION, make_random, tell_stories
from abplat.errors import InvalidInputError, UnavailableError

PROJECT = "outdoor"
CHANNELS = ("web", "app", "store", "phone")
START_SECONDS = 30.0
_MARK = ".abplat-demo"
_ADDRESS = re.compile(r"http://[0-9.]+:[0-9]+(?=\s)")


def clear_folder(folder: Path) -> None:
    """Make an empty folder for the demo; a folder that is not a demo's is left alone.

    Raises:
        InvalidInputError: If the folder holds something else.
    """
    if folder.exists():
        if any(folder.iterdir()) and not (folder / _MARK).exists():
            message = f"{folder} is not a demo's folder and not empty; name another with --data-dir"
            raise InvalidInputError.at("--data-dir", message)
        shutil.rmtree(folder)
    folder.mkdir(parents=True, mode=0o700)
    (folder / _MARK).touch()


@contextmanager
def serving(folder: Path, port: int) -> Iterator[str]:
    """Run ``abplat serve`` with its worker as a process of its own; yield its address."""
    command = [sys.executable, "-m", "abplat.cli", "serve", "--data-dir", str(folder), "--port", str(port)]
    command += ["--sign-in", "local", "--host", "127.0.0.1"]
    log = folder / "serve.log"
    with log.open("wb") as file:
        server = subprocess.Popen(command, stdout=file, stderr=file)  # noqa: S603
    try:
        yield _wait_for_address(server, log)
    finally:
        server.terminate()
        server.wait(20)


def _wait_for_address(server: subprocess.Popen[bytes], log: Path) -> str:
    """Return the address that the server writes once it answers."""
    deadline = time.monotonic() + START_SECONDS
    while server.poll() is None and time.monotonic() < deadline:
        found = _ADDRESS.search(log.read_text("utf-8"))
        if found:
            return found[0]
        time.sleep(0.05)
    raise UnavailableError(f"the server did not start: {log.read_text('utf-8').strip()[-500:]}")


def define(door: Door, begin: datetime) -> tuple[str, ...]:
    """Apply the retailer's definitions, start its experiments and return their keys."""
    document = yaml.safe_load(resources.files("abplat.demo").joinpath("shop.yaml").read_text("utf-8"))
    door.apply(document)
    experiments = tuple(experiment["key"] for experiment in document["experiments"])
    for experiment in experiments:
        door.start(experiment, at=begin)
    return experiments


def send(door: Door, begin: datetime, console: Console, share: float) -> int:
    """Tell all stories through one SDK client a channel; return how many events were sent."""
    key = door.make_key("server")
    clients = {
        channel: Client(door.address, key, flush_seconds=0.2, buffer_size=200_000) for channel in CHANNELS
    }
    for client in clients.values():
        client.refresh()
    shop = Shop(clients, make_random())
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[day]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("customers live", total=DURATION.total_seconds(), day="")
        for at in tell_stories(shop, begin, share):
            progress.update(task, completed=(at - begin).total_seconds(), day=f"day {(at - begin).days + 1}")
        progress.update(task, completed=DURATION.total_seconds())
    unsent = sum(client.close(30) for client in clients.values())
    if unsent:
        raise UnavailableError(f"{unsent} events could not be sent")
    return sum(client.stats().sent for client in clients.values())


def judge(door: Door, console: Console, experiments: tuple[str, ...], timeout: float = 60) -> None:
    """Ask for the analyses and wait until every report is stored."""
    with console.status("the worker drains and analyses"):
        for experiment in experiments:
            door.analyse(experiment)
        deadline = time.monotonic() + timeout
        while not all(door.has_report(experiment) for experiment in experiments):
            if time.monotonic() > deadline:
                raise UnavailableError("the reports did not appear in time; is the worker running?")
            time.sleep(0.2)


def begin_of(now: datetime) -> datetime:
    """Return the first simulated instant, so that the last horizon has just passed."""
    return (now - DURATION - timedelta(hours=1)).replace(minute=0, second=0, microsecond=0)
