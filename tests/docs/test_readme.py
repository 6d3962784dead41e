"""The README's worked example is run as it stands there, against a real server."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")
ENVIRONMENT = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'sdk/python'}"}


def block(language: str) -> str:
    """Return the only code block of a language."""
    [found] = re.findall(rf"^```{language}\n(.*?)^```", README, re.DOTALL | re.MULTILINE)
    return str(found)


@pytest.fixture(name="served")
def _served(tmp_path: Path) -> Iterator[tuple[Path, str, str]]:
    """Serve an empty folder; return it with the address and the log."""
    log = tmp_path / "log"
    with log.open("wb") as file:
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
        server = subprocess.Popen(command, stdout=file, stderr=file, env=ENVIRONMENT)
    try:
        yield tmp_path, wait_for(log, r"http://[0-9.]+:[0-9]+(?=\s)"), log.read_text("utf-8")
    finally:
        server.terminate()
        server.wait(20)


def wait_for(log: Path, pattern: str) -> str:
    """Wait until the log says something and return it."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        found = re.search(pattern, log.read_text("utf-8"))
        if found:
            return found[0]
        time.sleep(0.05)
    pytest.fail(log.read_text("utf-8"))


def abplat(folder: Path, *words: str) -> str:
    """Run a command on the folder."""
    command = [sys.executable, "-m", "abplat.cli", *words, "--data-dir", str(folder / "data")]
    done = subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_worked_example_works(served: tuple[Path, str, str]) -> None:
    """From the definition to the report, and the store's customer has the web's variant."""
    folder, address, _ = served
    (folder / "shop.yaml").write_text(block("yaml"), "utf-8")
    abplat(folder, "apply", str(folder / "shop.yaml"))
    admin, server = (
        abplat(folder, "keys", "create", "--project", "shop", "--kind", kind).strip()
        for kind in ("admin", "server")
    )
    start = Request(
        f"{address}/v1/experiments/shorter-form/start",
        headers={"Authorization": f"Bearer {admin}"},
        method="POST",
    )
    with urlopen(start, timeout=30) as answer:
        assert answer.status == 200

    environment = {**ENVIRONMENT, "ABPLAT": address, "SERVER_KEY": server}
    code = textwrap.dedent(block("python"))
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr

    abplat(folder, "analyse", "shorter-form", "--project", "shop")
    report = abplat(folder, "report", "shorter-form")
    assert "A shorter form" in report
    assert "customers so far 1 " in report


def test_files_that_the_readme_names_exist() -> None:
    """A link to nothing is a fault."""
    links = re.findall(r"\]\(([^)#:]+)\)", README)

    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []
