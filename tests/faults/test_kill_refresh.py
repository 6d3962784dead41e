"""Kill -9 of a refresh at every step of it: what there was stays in use, and the next refresh goes on."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from abplat.facts.derived import DerivedStore
from abplat.facts.lake import Lake
from tests.analysis.late_facts import AS_OF_US, DAY, PROJECT, drain, make_arrivals, make_test_plan
from tests.analysis.test_derived import drop, refresh
from tests.analysis.test_engine import look, seal

pytestmark = pytest.mark.faults

# Each step of a refresh is made to end the process, before it or after it, by a signal that cannot be caught.
KILLER = """
import os, signal, sys
from pathlib import Path
import numpy as np
from abplat.analysis.journeys.kernel import order_by_customer
from abplat.facts.derived import DerivedStore
from abplat.facts.engines.scan import scan_stream
from tests.analysis.late_facts import AS_OF_US, make_test_plan
from tests.analysis.test_derived import refresh

# Loads the compilers, once for all.
scan_stream([None])
order_by_customer(np.zeros(1, np.int32), 1)

def arm(name, state):
    work = getattr(DerivedStore, name)
    def step(*arguments, **options):
        state[0] -= 1
        if state[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        found = work(*arguments, **options)
        state[0] -= 1
        if state[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return found
    setattr(DerivedStore, name, step)

for folder in sys.argv[1:]:
    number = int(folder.rpartition('-')[2])
    child = os.fork()
    if child == 0:
        state = [number]
        for name in ("replace", "replace_days", "write_note", "keep_only", "_settle"):
            arm(name, state)
        refresh(Path(folder), AS_OF_US, [make_test_plan()])
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""
STEPS = (1, 3, 6, 14, 21, 23)
"""Before the first commit, within and after it, between commits, before and after the note."""


def prepare(folder: Path) -> Path:
    """Derive a first half, then let more arrive and seal it."""
    arrivals = make_arrivals(41, 160)
    lake = Lake(folder / "lake")
    batch = drain(lake, arrivals[:90])
    middle = max(one.received_us for one in arrivals[:90])
    seal(folder, middle, everything=True)
    refresh(folder, middle, [make_test_plan()])
    drain(lake, arrivals[90:], batch)
    seal(folder, AS_OF_US + 9 * DAY, everything=True)
    return folder


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_a_killed_refresh_leaves_something_to_use(tmp_path: Path) -> None:
    """At every step: the same is gathered, and the next refresh ends as if nothing had been."""
    origin = prepare(tmp_path / "origin")
    copies = [Path(shutil.copytree(origin, tmp_path / f"killed-{step}")) for step in STEPS]
    done = subprocess.run(
        [sys.executable, "-c", KILLER, *map(str, copies)],
        capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    drop(origin)
    expected = look(origin)
    ends = done.stdout.split()

    assert ends == ["-9"] * len(STEPS), done.stdout + done.stderr
    for folder in copies:
        assert look(folder) == expected, folder
        refresh(folder, AS_OF_US, [make_test_plan()])
        note = DerivedStore(folder / "lake" / PROJECT).read_note()
        assert note is not None
        assert note.through_us == AS_OF_US
        assert look(folder) == expected, (folder, "refreshed")
