"""The touchpoints of chosen customers as integers, sorted by customer and time, part by part.

The engine reads the files a few at a time. Rows of customers nobody asked for are dropped, the
others are laid down by part: a part holds neighbouring customers, so that one part at a time can be
sorted by counting and walked through, and memory is bounded by the largest part. What does not fit
into the room given lies on disk.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from abplat.analysis import stream_kernel as k
from abplat.facts.engines.scan import WORD

_Array: TypeAlias = NDArray[Any]


@dataclass(frozen=True, slots=True)
class EventPart:
    """Events of neighbouring customers, sorted by customer, time and event id."""

    customer: NDArray[np.int32]
    ts: NDArray[np.int64]
    words: tuple[_Array, ...]
    """Masks: bit i of word w says that the event matches part ``62 * w + i`` of the question."""
    channel: NDArray[np.int16]
    value: NDArray[np.float64] | None

    def bits(self, places: Sequence[int]) -> NDArray[np.int64]:
        """Return one integer per event, of which bit i says that the event matches ``places[i]``."""
        found = np.zeros(self.ts.size, np.int64)
        for bit, place in enumerate(places):
            word = self.words[place // WORD]
            found |= ((word >> (place % WORD)) & 1).astype(np.int64) << bit
        return found

    def has(self, place: int) -> NDArray[np.bool_]:
        """Return which events match a part of the question."""
        return np.asarray((self.words[place // WORD] >> (place % WORD)) & 1, np.bool_)


@dataclass(frozen=True, slots=True)
class _Chunk:
    """Rows of some files, laid down part by part."""

    starts: NDArray[np.int64]
    columns: tuple[_Array, ...]
    """Customer, run, ts, channel, words .., value where it was asked for."""

    def part(self, number: int) -> tuple[_Array, ...]:
        """Return the rows of one part."""
        lo, hi = self.starts[number], self.starts[number + 1]
        return tuple(column[lo:hi] for column in self.columns)

    @property
    def n_bytes(self) -> int:
        """Room taken."""
        return sum(column.nbytes for column in self.columns)


Scan: TypeAlias = Callable[[int], dict[str, _Array]]
"""Reads the rows of a chunk by its number: actor_code, ts_us, mask0 .., channel, value."""

Untie: TypeAlias = Callable[[_Array], dict[str, _Array]]
"""Reads the events of some instants in the order of their ids, with columns as a scan has them."""


class EventStream:
    """The events of one question, kept until it is closed."""

    def __init__(self, customer_of: NDArray[np.int32], n_customers: int, *, room: int, spill: Path) -> None:
        """Prepare for rows.

        Args:
            customer_of: Per actor code the customer, -1 for those nobody asked for.
            n_customers: All customers have numbers below.
            room: Bytes to keep in memory; what goes beyond lies on disk.
            spill: Folder for that.
        """
        self.n_customers = n_customers
        self.n_parts = max(-(-n_customers >> k.SHIFT), 1)
        self._customer_of = customer_of
        self._room = room
        self._spill = spill
        self._folder: Path | None = None
        self._chunks: list[_Chunk] = []
        self._untie: Untie | None = None

    def __enter__(self) -> Self:
        """Be usable in a with block."""
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        """Let go of everything."""
        self.close()

    def close(self) -> None:
        """Let go of everything."""
        self._chunks = []
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def fill(self, scan: Scan, n_sealed: int, n_loose: int, untie: Untie) -> None:
        """Read all chunks, those of loose rows last; one is read while another is laid down."""
        self._untie = untie
        with ThreadPoolExecutor(max_workers=1) as reader:
            ahead = reader.submit(scan, 0) if n_sealed + n_loose else None
            for number in range(n_sealed + n_loose):
                rows = ahead.result() if ahead is not None else {}
                ahead = reader.submit(scan, number + 1) if number + 1 < n_sealed + n_loose else None
                self._lay_down(rows, is_loose=number >= n_sealed)

    def _lay_down(self, rows: dict[str, _Array], *, is_loose: bool) -> None:
        """Keep the rows of chosen customers, part by part."""
        codes = rows["actor_code"]
        starts = k.count_parts(codes, self._customer_of, self.n_parts)
        customer, run = np.empty(starts[-1], np.int32), np.empty(starts[-1], np.int32)
        at = k.place_rows(codes, self._customer_of, starts, is_loose, customer, run)
        chunk = _Chunk(starts, (customer, run, *(rows[name][at] for name in _names(rows))))
        self._room -= chunk.n_bytes
        self._chunks.append(chunk if self._room >= 0 else self._put_away(chunk))

    def _put_away(self, chunk: _Chunk) -> _Chunk:
        """Write a chunk to disk and look at it from there."""
        if self._folder is None:
            self._spill.mkdir(parents=True, exist_ok=True)
            self._folder = Path(tempfile.mkdtemp(prefix="stream-", dir=self._spill))
        columns = []
        for place, column in enumerate(chunk.columns):
            path = self._folder / f"{len(self._chunks)}-{place}.npy"
            np.save(path, column)
            columns.append(np.load(path, mmap_mode="r"))
        return _Chunk(chunk.starts, tuple(columns))

    def parts(self) -> Iterator[EventPart]:
        """Return the events part by part, in the order of customers."""
        for number in range(self.n_parts):
            yield self.part(number)

    def part(self, number: int) -> EventPart:
        """Return the events of one part."""
        pieces = [chunk.part(number) for chunk in self._chunks]
        if not pieces:
            none = np.empty(0, np.int64)
            return EventPart(none.astype(np.int32), none, (none,), none.astype(np.int16), None)
        columns = [np.concatenate(column) for column in zip(*pieces, strict=True)]
        customer, _, ts = columns[:3]
        first = number << k.SHIFT
        size = min(1 << k.SHIFT, self.n_customers - first)
        order = k.sort_events(customer, first, size, ts, np.empty(0, np.int64))
        columns = [column[order] for column in columns]
        self._settle(columns)
        return _make_part(columns)

    def _settle(self, columns: list[_Array]) -> None:
        """Put events of one instant in the order of their ids where they come from several runs."""
        customer, run, ts = columns[:3]
        unclear = k.find_unclear(customer, ts, run)
        if not unclear.any() or self._untie is None:
            return
        instants = np.unique(ts[unclear])
        rows = self._untie(instants)
        rows["customer"] = self._customer_of[rows["actor_code"]]
        groups = np.stack([customer[unclear].astype(np.int64), ts[unclear]])
        pairs = {(int(who), int(when)) for who, when in groups.T.tolist()}
        mine = np.flatnonzero(np.isin(ts, instants))
        mine = mine[[(int(customer[i]), int(ts[i])) in pairs for i in mine.tolist()]]
        theirs = np.flatnonzero(np.isin(rows["customer"], groups[0]))
        theirs = theirs[[(int(rows["customer"][i]), int(rows["ts_us"][i])) in pairs for i in theirs.tolist()]]
        # Both are now the same events; the engine gave them in the order of their ids.
        theirs = theirs[np.lexsort((np.arange(theirs.size), rows["ts_us"][theirs], rows["customer"][theirs]))]
        for column, name in zip(columns[2:], _names(rows), strict=True):
            column[mine] = rows[name][theirs]


def _names(rows: dict[str, _Array]) -> list[str]:
    """Return the columns that are kept beside customer and run, in their order."""
    words = sorted((name for name in rows if name.startswith("mask")), key=lambda name: int(name[4:]))
    return ["ts_us", "channel", *words, *(["value"] if "value" in rows else [])]


def _make_part(columns: list[_Array]) -> EventPart:
    """Name the columns of a part."""
    has_value = columns[-1].dtype == np.float64
    words = columns[4:-1] if has_value else columns[4:]
    return EventPart(
        customer=columns[0],
        ts=columns[2],
        words=tuple(words),
        channel=columns[3],
        value=columns[-1] if has_value else None,
    )
