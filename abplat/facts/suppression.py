"""Keeps the facts of erased people out: at the door from memory, and exactly where the lake begins.

The door looks at a copy that may be a second old; the drain and the imports read the database, so what
slips through the door goes no further. A file beside the lake's tables says the same as the database: a
database restored from a backup of before the erasure learns from it whom to erase again.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Engine

from abplat.db.engine import writing
from abplat.db.queries import suppression as queries
from abplat.domain.suppression import Suppression
from abplat.facts.durability import sync
from abplat.facts.lake import Lake

_FILE: Final = "erased.json"


def suppress(connection: Connection, lake: Lake, project: str, ids: Sequence[str]) -> Suppression:
    """Refuse the facts of these ids from now on, in the database and beside the lake."""
    found = queries.add(connection, project, ids)
    write_copy(lake, project, found)
    return found


def write_copy(lake: Lake, project: str, suppression: Suppression) -> None:
    """Write the file beside the lake, whole or not at all, readable by its owner alone."""
    path = _copy_path(lake, project)
    path.parent.mkdir(parents=True, exist_ok=True)
    document = {
        "salt": suppression.salt.hex(),
        "digests": sorted(each.hex() for each in suppression.digests),
    }
    draft = path.with_suffix(f".{os.getpid()}.{threading.get_ident()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(document, file)
    sync([draft])
    draft.replace(path)
    sync([path])


def read_copy(lake: Lake, project: str) -> Suppression | None:
    """Read the file beside the lake; None where there is none."""
    path = _copy_path(lake, project)
    if not path.exists():
        return None
    document = json.loads(path.read_text())
    return Suppression(
        bytes.fromhex(document["salt"]), frozenset(bytes.fromhex(each) for each in document["digests"])
    )


def reconcile(engine: Engine, lake: Lake, project: str) -> bool:
    """Let the database learn what it forgot when it was restored; tell whether that was anything.

    The file was written after the database whenever somebody was erased, so it never knows less.
    """
    copy = read_copy(lake, project)
    if copy is None:
        return False
    with engine.connect() as connection:
        held = queries.read(connection, project)
    if held is not None and held.salt == copy.salt and held.digests >= copy.digests:
        return False
    with writing(engine).begin() as connection:
        queries.replace(connection, project, copy)
    return True


def _copy_path(lake: Lake, project: str) -> Path:
    """Return where the file lies."""
    return lake.path(project, "touchpoint").parent / _FILE
