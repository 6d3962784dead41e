"""Kill -9 while days are sealed: what is gathered stays the same, and the next run ends the work."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from abplat.facts.lake import Lake
from tests.analysis.late_facts import drain, make_arrivals
from tests.analysis.test_engine import build, look, seal

ROOT = Path(__file__).parents[2]
POINTS = [
    ("book", "after", 1),
    ("note", "after", 1),
    ("rows", "after", 1),
    ("note", "after", 2),
    ("vacuum", "before", 1),
]


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a lake of which a part was sealed already, with loose rows and copies."""
    folder = tmp_path_factory.mktemp("facts")
    arrivals = make_arrivals(11, 500)
    build(folder, arrivals[:300], seal_after=(0,))
    drain(Lake(folder / "lake"), arrivals[300:], 1_000)
    return folder


@pytest.mark.parametrize(("step", "when", "number"), POINTS)
def test_a_killed_sealing_changes_nothing(
    facts: Path, tmp_path: Path, step: str, when: str, number: int
) -> None:
    """At every step on the way to the disk; and the second run finds its way."""
    folder = tmp_path / "copy"
    shutil.copytree(facts, folder)
    before = look(folder)
    command = [sys.executable, "-m", "tests.faults.seal_and_die", str(folder), step, when, str(number)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)

    assert ended.returncode == -signal.SIGKILL, ended.stderr.decode()
    assert look(folder) == before
    assert seal(folder, everything=True).contested == seal(folder, everything=True).contested
    assert look(folder) == before
