"""What Delta Lake leaves to us on a local disk: making commits survive a power cut.

The library renames its files into place but never syncs them. A commit counts as durable when its
data files, its log entry and their folders are synced. Before that its rows are still in the intake,
so a newest log entry that a power cut left broken may be set aside and written again.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import unquote

_LOG = logging.getLogger(__name__)
_MAGIC = b"PAR1"


def log_entry(table: Path, version: int) -> Path:
    """Return the file of a version's log entry."""
    return table / "_delta_log" / f"{version:020d}.json"


def harden(table: Path, versions: Iterable[int]) -> None:
    """Make the commits of these versions durable: files first, then folders."""
    files: set[Path] = set()
    for version in versions:
        entry = log_entry(table, version)
        if entry.exists():
            files.update(path for path, _ in _added(table, entry) if path.exists())
            files.add(entry)
    sync(files)


def harden_checkpoint(table: Path) -> None:
    """Make the newest checkpoint durable, which readers trust before they look at the log."""
    log = table / "_delta_log"
    sync({*log.glob("*.checkpoint*.parquet"), *log.glob("_last_checkpoint")})


def sync(files: Iterable[Path]) -> None:
    """Sync files and the folders that name them."""
    files = set(files)
    for path in files:
        _sync_path(path)
    sync_folders({path.parent for path in files})


def sync_folders(folders: Iterable[Path]) -> None:
    """Sync folders and those above them that are as new as they may be."""
    if os.name == "nt":  # a folder cannot be synced there
        return
    for folder in {each for path in folders for each in (path, path.parent)}:
        _sync_path(folder)


def _sync_path(path: Path) -> None:
    """Sync one file or folder."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def set_aside_broken(table: Path) -> Path | None:
    """Set aside the newest log entry if it or a file it adds is not whole.

    Only the newest can be so: the next commit is written after the one before was made durable.

    Returns:
        Where the entry lies now, or None where all was well.
    """
    entries = sorted((table / "_delta_log").glob("[0-9]" * 20 + ".json"))
    if not entries or _is_whole(table, entries[-1]):
        return None
    aside = entries[-1].with_suffix(".broken")
    entries[-1].rename(aside)
    sync_folders({aside.parent})
    _LOG.warning("%s was left unfinished by a crash; set aside as %s", entries[-1], aside.name)
    return aside


def _is_whole(table: Path, entry: Path) -> bool:
    """Tell whether a log entry can be read and its files are there from end to end."""
    try:
        return all(_is_whole_parquet(path, size) for path, size in _added(table, entry))
    except (ValueError, KeyError, TypeError, OSError):
        return False


def _is_whole_parquet(path: Path, size: int) -> bool:
    """Tell whether a Parquet file has its length, its head and its tail."""
    if path.stat().st_size != size:
        return False
    with path.open("rb") as file:
        head = file.read(4)
        file.seek(-4, os.SEEK_END)
        return head == _MAGIC == file.read(4)


def _added(table: Path, entry: Path) -> list[tuple[Path, int]]:
    """Return path and size of the files that a log entry adds."""
    lines = entry.read_bytes().splitlines()
    if not lines:
        raise ValueError(f"{entry} is empty")
    actions = [json.loads(line) for line in lines]
    adds = [action["add"] for action in actions if "add" in action]
    return [(table / unquote(add["path"]), add["size"]) for add in adds]
