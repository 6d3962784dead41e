"""A real server with the shop of the definitions, for clients that come over the network."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from abplat.config import Settings
from abplat.services import keys
from abplat.services.platform import open_platform
from tests.openfeature.definitions import NOW, define

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {
    "PYTHONPATH": f"{ROOT}:{ROOT / 'sdk' / 'python'}",
    "PATH": "/usr/bin:/bin",
    "PYTHONUNBUFFERED": "1",
}


class Service(NamedTuple):
    """Where the server is, and the keys it takes."""

    url: str
    client_key: str
    server_key: str
    data_dir: Path


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Start ``abplat serve`` on a shop where everything has begun."""
    data_dir = tmp_path_factory.mktemp("openfeature") / "data"
    platform = open_platform(Settings(data_dir=data_dir), lambda: NOW)
    with platform.writers.begin() as session:
        define(session)
        client_key, server_key = (
            keys.create(session, "shop", kind, now=NOW).token for kind in ("client", "server")
        )
    platform.close()
    command = [sys.executable, "-m", "abplat.cli", "serve", "--data-dir", str(data_dir)]
    process = subprocess.Popen(
        [*command, "--port", "0", "--no-worker"], env=ENVIRONMENT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    found = re.search(r"http://\S+", process.stdout.readline())
    assert found
    yield Service(found[0], client_key, server_key, data_dir)
    process.terminate()
    process.communicate(timeout=30)


def read_events(service: Service) -> list[tuple[str, str]]:
    """Return kind and body of what the server has taken, by the tool that it uses itself."""
    from abplat.db.engine import make_engine

    engine = make_engine(f"sqlite:///{service.data_dir / 'abplat.sqlite3'}")
    with engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT kind, body FROM intake ORDER BY event_id").fetchall()
    engine.dispose()
    return [(kind, body) for kind, body in rows]
