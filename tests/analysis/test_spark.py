"""Spark gives what the embedded engine gives, byte for byte; a cluster that fails is named."""

from __future__ import annotations

import importlib.util
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from abplat.analysis.scorecard import analyse
from abplat.config import Settings
from abplat.errors import UnavailableError
from abplat.facts.engines.spark import is_spark, open_session
from abplat.facts.lake import Lake

from .late_facts import AS_OF_US, DAY, FIRST, drain, make_arrivals, make_test_plan
from .test_engine import build, seal

ROOT = Path(__file__).parents[2]
has_spark = pytest.mark.skipif(
    importlib.util.find_spec("pyspark") is None or shutil.which("java") is None,
    reason="needs the extra abplat[spark] and a Java: make test-spark",
)


def report(folder: Path, engine: str, as_of_us: int, **journey: object) -> bytes:
    """Return the Report that an engine makes, as it is stored."""
    plan = make_test_plan("one", **journey)
    as_of = datetime.fromtimestamp(as_of_us / 1e6, UTC)
    settings = Settings(data_dir=folder, engine=engine)
    return msgspec.json.encode(analyse(Lake(folder / "lake"), plan, as_of, settings))


@has_spark
@pytest.mark.timeout(600)
@pytest.mark.parametrize("as_of_us", [AS_OF_US, FIRST + 5 * DAY + 12_345], ids=["now", "past"])
def test_spark_makes_the_same_report(tmp_path: Path, as_of_us: int) -> None:
    """Of sealed and loose files with copies, late rows and late links."""
    build(tmp_path, make_arrivals(3, 600), seal_after=(1, 3))

    assert report(tmp_path, "local[2]", as_of_us) == report(tmp_path, "duckdb", as_of_us)


@pytest.fixture
def connect_server() -> Iterator[str]:
    """Start a real Spark Connect server, and return its address."""
    pyspark, port = pytest.importorskip("pyspark"), _free_port()
    pytest.importorskip("grpc", reason="Connect needs the extra abplat[spark]")
    submit = Path(pyspark.__file__).parent / "bin" / "spark-submit"
    asked = {"spark.connect.grpc.binding.port": port, "spark.connect.grpc.binding.address": "127.0.0.1",
             "spark.driver.bindAddress": "127.0.0.1", "spark.driver.host": "127.0.0.1", "spark.ui.enabled": "false"}  # fmt: skip
    command = [str(submit), "--class", "org.apache.spark.sql.connect.service.SparkConnectServer", "--master", "local[2]",
               *(part for name, value in asked.items() for part in ("--conf", f"{name}={value}")), "spark-internal"]  # fmt: skip
    environ = os.environ | {"PYSPARK_PYTHON": sys.executable, "PYTHONPATH": os.pathsep.join(sys.path)}
    server = subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait_for(port)
        yield f"sc://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(60)


def _free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(port: int, seconds: float = 180) -> None:
    """Wait until somebody listens."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.5)
    pytest.fail("the Connect server did not start")


@has_spark
@pytest.mark.timeout(600)
def test_a_connect_server_makes_the_same_report(tmp_path: Path, connect_server: str) -> None:
    """Another process on another session: what grows up is reached by its address alone."""
    build(tmp_path, make_arrivals(5, 300), seal_after=(1,))
    command = [
        sys.executable,
        "-m",
        "tests.analysis.connect_report",
        str(tmp_path),
        connect_server,
        str(AS_OF_US),
    ]
    environ = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    found = subprocess.run(command, capture_output=True, env=environ, cwd=ROOT, check=False)

    assert found.returncode == 0, found.stderr.decode()[-2_000:]
    assert found.stdout == report(tmp_path, "duckdb", AS_OF_US)


@has_spark
@pytest.mark.timeout(600)
def test_spark_copes_with_no_touchpoints(tmp_path: Path) -> None:
    """An experiment whose customers have done nothing yet has a Report, too."""
    drain(Lake(tmp_path / "lake"), [one for one in make_arrivals(3) if one.kind != "touchpoint"])
    seal(tmp_path)

    assert report(tmp_path, "local[2]", AS_OF_US) == report(tmp_path, "duckdb", AS_OF_US)


def test_a_missing_spark_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says which setting asks for it and what to install."""
    monkeypatch.setitem(__import__("sys").modules, "pyspark.sql", None)

    with pytest.raises(UnavailableError, match=r"ABPLAT_ENGINE is local\[2\], .*abplat\[spark\]"):
        open_session("local[2]")


@pytest.mark.parametrize(
    ("engine", "expected"), [("duckdb", False), ("sc://h:1", True), ("spark://h:7077", True)]
)
def test_which_settings_mean_spark(engine: str, *, expected: bool) -> None:
    """Everything but the embedded engine's name."""
    assert is_spark(engine) is expected
