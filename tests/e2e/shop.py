"""A shop with pages in a browser, and the platform on another origin: what tests of clients in pages share."""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy.orm import Session

from abplat.app import create_app
from abplat.clock import system_clock
from abplat.config import Settings
from abplat.services import catalogue, experiments, keys
from abplat.services.experiments import Moment
from tests.api.test_decide import CATALOGUE

ROOT = Path(__file__).parents[2]
JS = ROOT / "sdk" / "js"
CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
ARGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
ARGS += ["--host-resolver-rules=MAP *.shop.example 127.0.0.1"]
PATIENCE = 30
"""Seconds after which a slow machine is taken for a fault."""


class Shop(NamedTuple):
    """A shop that uses the platform: addresses, keys, its pages, and the file where the platform keeps events."""

    url: str
    sister_url: str
    platform_url: str
    key: str
    server_key: str
    pages: Path
    database: Path

    def events(self) -> list[dict[str, Any]]:
        """Return what the platform has stored."""
        connection = sqlite3.connect(f"file:{self.database}?mode=ro", uri=True)
        rows = connection.execute("SELECT kind, body FROM intake ORDER BY received_us").fetchall()
        connection.close()
        return [{"kind": kind, **json.loads(body)} for kind, body in rows]

    def wait_for_event(self, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Wait until an event is stored."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            for event in self.events():
                if holds(event):
                    return event
            time.sleep(0.05)
        raise AssertionError("the event has not arrived")


class QuietHandler(SimpleHTTPRequestHandler):
    """Serves the shop's pages and says nothing."""

    extensions_map = {  # noqa: RUF012
        **SimpleHTTPRequestHandler.extensions_map,
        ".js": "text/javascript",
        ".mjs": "text/javascript",
    }

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


def define_form(session: Session) -> None:
    """Define the one experiment that most tests need, and start it."""
    now = system_clock()
    catalogue.apply(session, CATALOGUE, now=now)
    experiments.start(session, "shop", "form", Moment(now))


@contextmanager
def open_shop(folder: Path, define: Callable[[Session], None] = define_form) -> Iterator[Shop]:
    """Start the platform and, on another origin, the shop."""
    pages = folder / "pages"
    pages.mkdir()
    (pages / "landing.html").write_text("<!doctype html><title>Landing</title>")
    (pages / "favicon.ico").write_bytes(b"")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(QuietHandler, directory=str(pages)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    origins = [f"http://{name}.shop.example:{server.server_port}" for name in ("www", "m")]
    data_dir = folder / "data"
    client_key, server_key = prepare(data_dir, define)
    with start_platform(data_dir, origins) as url:
        yield Shop(*origins, url, client_key, server_key, pages, data_dir / "abplat.sqlite3")
    server.shutdown()
    server.server_close()


def prepare(data_dir: Path, define: Callable[[Session], None]) -> tuple[str, str]:
    """Make the project ``shop``, and return a client and a server key."""
    app = create_app(Settings(data_dir=data_dir))
    now = system_clock()
    with app.extensions["abplat"].writers.begin() as session:
        define(session)
        client, server = (keys.create(session, "shop", kind, now=now).token for kind in ("client", "server"))
    app.extensions["abplat"].close()
    return client, server


@contextmanager
def start_platform(data_dir: Path, origins: list[str]) -> Iterator[str]:
    """Run ``abplat serve`` for as long as a block lasts."""
    command = [sys.executable, "-m", "abplat.cli", "serve", "--port", "0", "--no-worker"]
    environment = {
        **os.environ,
        "PYTHONPATH": f"{ROOT}:{ROOT / 'sdk' / 'python'}",
        "PYTHONUNBUFFERED": "1",
        "ABPLAT_ALLOWED_ORIGINS": ",".join(origins),
    }
    process = subprocess.Popen(
        [*command, "--data-dir", str(data_dir)], env=environment, stdout=subprocess.PIPE, text=True
    )
    try:
        yield read_address(process)
        process.terminate()
        process.wait(PATIENCE)
    finally:
        process.kill()
        process.communicate()


def read_address(process: subprocess.Popen[str]) -> str:
    """Wait until the platform says where it answers."""
    assert process.stdout is not None
    for line in process.stdout:
        if found := re.search(r"answers at (http://\S+)", line):
            return found[1]
    raise AssertionError("abplat serve has not started")


def build_modules(folder: Path) -> None:
    """Build the modules of the SDK and lay them into a folder."""
    subprocess.run(["node", "build.mjs", "modules"], cwd=JS, check=True)
    # another test may be building as well: what it is about to rename is left alone
    shutil.copytree(JS / "dist", folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.js.*"))
