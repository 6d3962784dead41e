"""Seals a folder of facts and is killed at a step: run by tests in a process of its own.

Usage: python -m tests.faults.seal_and_die FOLDER STEP before|after NUMBER

STEP is ``book``, ``rows``, ``note`` or ``vacuum``; the NUMBERth time it is taken the process ends by SIGKILL,
before it or after it. A step that is not taken so often lets it end well.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from abplat.config import Settings
from abplat.facts import sealing
from abplat.facts.actors import ActorBook
from abplat.facts.engines.duckdb import connect
from abplat.facts.lake import Lake, LakeTable
from abplat.facts.sealing import seal_project
from tests.analysis.late_facts import AS_OF_US, PROJECT

STEPS: dict[str, tuple[Any, str]] = {
    "book": (ActorBook, "replace"),
    "rows": (LakeTable, "replace_days"),
    "note": (sealing, "write_seals"),
    "vacuum": (LakeTable, "drop_old_files"),
}


def _deadly(step: Callable[..., Any], when: str, number: int) -> Callable[..., Any]:
    """Return the step as it is, but for the end that it brings."""
    left = number

    def taken(*given: Any, **named: Any) -> Any:
        nonlocal left
        left -= 1
        if left == 0 and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        found = step(*given, **named)
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return found

    return taken


def main(folder: Path, step: str, when: str, number: int) -> None:
    """Seal all days, and die on the way."""
    where, name = STEPS[step]
    setattr(where, name, _deadly(getattr(where, name), when, number))
    with connect(Settings(data_dir=folder)) as connection:
        seal_project(connection, Lake(folder / "lake"), PROJECT, AS_OF_US, everything=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4]))
