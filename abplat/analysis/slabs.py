"""Records of events, kept part by part in blocks; what does not fit into the room given lies on disk."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from abplat.analysis import stream_kernel as k

Records: TypeAlias = NDArray[np.int64]
_SLAB_BYTES = 32 << 20
_BLOCKS_PER_PART = 8


@dataclass(frozen=True, slots=True)
class _Slab:
    """Full blocks, in the order in which they were begun."""

    records: Records | None
    """None where they lie on disk."""
    path: Path | None
    by_part: NDArray[np.int64]
    """Blocks in the order of their parts."""
    starts: NDArray[np.int64]
    """Per part where its blocks begin in ``by_part``."""
    filled: NDArray[np.int64]


class Slabs:
    """All records of a stream."""

    def __init__(self, n_parts: int, width: int, room: int, spill: Path) -> None:
        """Be empty.

        Args:
            n_parts: How many parts there are.
            width: Columns of a record.
            room: Bytes to keep in memory.
            spill: Folder for what goes beyond.
        """
        self.n_parts = n_parts
        self.width = width
        self._room = room
        self._spill = spill
        self._folder: Path | None = None
        self._slabs: list[_Slab] = []
        block = k.BLOCK * width * 8
        self._n_blocks = max(min(_SLAB_BYTES, room // 2) // block, _BLOCKS_PER_PART * n_parts, 1)
        self._spare: Records | None = None
        self._begin()

    def _begin(self) -> None:
        """Begin a slab."""
        shape = (self._n_blocks * k.BLOCK, self.width)
        self._records = np.empty(shape, np.int64) if self._spare is None else self._spare
        self._spare = None
        self._open_at = np.zeros(self.n_parts, np.int64)
        self._owner = np.zeros(self._n_blocks, np.int64)
        self._filled = np.zeros(self._n_blocks, np.int64)
        self._used = 0

    def add(self, columns: tuple[Any, ...], customer_of: NDArray[np.int32], rule: tuple[bool, bool]) -> None:
        """Lay rows down; the arguments are those of :func:`abplat.analysis.stream_kernel.lay_down`."""
        lay_down: Any = k.lay_down
        first, n = 0, columns[0].size
        while first < n:
            first, self._used = lay_down(
                *columns, first, customer_of, rule, self._records, self._open_at, self._owner, self._filled,
                self._used,
            )  # fmt: skip
            if first < n:
                self._end()
                self._begin()

    def finish(self) -> None:
        """Say that all is laid down."""
        self._end()
        self._spare = None

    def _end(self) -> None:
        """Close the slab; keep it, or write it to disk."""
        owner = self._owner[: self._used]
        starts = np.searchsorted(np.sort(owner), np.arange(self.n_parts + 1))
        by_part = np.argsort(owner, kind="stable")
        records, path = self._records, None
        n_bytes = self._used * k.BLOCK * self.width * 8
        if n_bytes <= self._room:
            self._room -= n_bytes
        else:
            path = self._write(records[: self._used * k.BLOCK])
            self._spare = records
        self._slabs.append(
            _Slab(None if path else records, path, by_part, starts, self._filled[: self._used])
        )

    def _write(self, records: Records) -> Path:
        """Write records to disk."""
        if self._folder is None:
            self._spill.mkdir(parents=True, exist_ok=True)
            self._folder = Path(tempfile.mkdtemp(prefix="stream-", dir=self._spill))
        path = self._folder / f"{len(self._slabs)}.records"
        records.tofile(path)
        return path

    def pieces(self, part: int) -> Iterator[tuple[Records, NDArray[np.int64], NDArray[np.int64]]]:
        """Return the records of a part, slab by slab: records, blocks of theirs, how many each holds."""
        for slab in self._slabs:
            blocks = slab.by_part[slab.starts[part] : slab.starts[part + 1]]
            if not blocks.size:
                continue
            filled = slab.filled[blocks]
            if slab.records is not None:
                yield slab.records, blocks, filled
            elif slab.path is not None:
                yield self._read(slab.path, blocks), np.arange(blocks.size), filled

    def _read(self, path: Path, blocks: NDArray[np.int64]) -> Records:
        """Read blocks from disk."""
        size = k.BLOCK * self.width * 8
        found = np.empty((blocks.size * k.BLOCK, self.width), np.int64)
        room = found.data.cast("B")
        with path.open("rb", buffering=0) as file:
            for place, block in enumerate(blocks.tolist()):
                file.seek(block * size)
                file.readinto(room[place * size : (place + 1) * size])
        return found

    def close(self) -> None:
        """Let go of everything."""
        self._slabs = []
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None
