"""How far an import has come: one small file per (file, map, project), written after each commit."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from abplat.errors import ConflictError


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """The state after the last finished chunk.

    Attributes:
        file_hash: SHA-256 of the file.
        chunks: Chunks finished: the number of the last one, which the lake keeps too.
        rows: Rows of the file behind them.
        imported: Facts written.
        refused: Rows refused.
        duplicates: Facts that the lake held before.
        left_out: Rows that ``where`` did not want.
        refused_bytes: Length of the file of refused rows at that moment.
        done: Whether the end of the file was reached.
    """

    file_hash: str
    chunks: int = 0
    rows: int = 0
    imported: int = 0
    refused: int = 0
    duplicates: int = 0
    left_out: int = 0
    refused_bytes: int = 0
    done: bool = False


class ProgressFile:
    """The place where one import keeps its progress."""

    def __init__(self, folder: Path, key: str) -> None:
        """Name the file after what is imported."""
        self.folder = folder
        self._path = folder / f"{key}.json"

    def load(self, file_hash: str) -> Progress:
        """Return the progress so far; a new import has none."""
        if not self._path.exists():
            return Progress(file_hash=file_hash)
        return msgspec.json.decode(self._path.read_bytes(), type=Progress)

    def save(self, progress: Progress) -> None:
        """Replace the file in one step, and make sure that it stays."""
        draft = self._path.with_suffix(".new")
        with draft.open("wb") as handle:
            handle.write(msgspec.json.encode(progress))
            handle.flush()
            os.fsync(handle.fileno())
        draft.replace(self._path)

    def siblings(self, file_hash: str) -> bool:
        """Tell whether the same file was imported before with another map."""
        for path in self.folder.glob("*.json"):
            if (
                path != self._path
                and msgspec.json.decode(path.read_bytes(), type=Progress).file_hash == file_hash
            ):
                return True
        return False

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep a second import of the same file away.

        Raises:
            ConflictError: If one is running.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with self._path.with_suffix(".lock").open("w") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise ConflictError("this file is being imported by another process; wait for it") from error
            yield
