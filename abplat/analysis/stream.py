"""The touchpoints of chosen customers as integers, sorted by customer and time, part by part.

The engine reads the files a few at a time. Rows of customers nobody asked for are dropped, the
others are laid down by part: a part holds neighbouring customers, so that one part at a time can be
sorted by counting and walked through, and memory is bounded by the largest part. What does not fit
into the room given lies on disk. Parts do not depend on each other, so two are looked at at once.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Any, NamedTuple, Self, TypeAlias, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from abplat.analysis import stream_kernel as k
from abplat.analysis.slabs import Records, Slabs
from abplat.facts.engines.scan import WORD

_Array: TypeAlias = NDArray[Any]
Made = TypeVar("Made")
_THREADS = min(os.cpu_count() or 1, 4)


@dataclass(frozen=True, slots=True)
class EventPart:
    """Events of neighbouring customers, sorted by customer, time and event id."""

    customer: NDArray[np.int32]
    ts: NDArray[np.int64]
    words: NDArray[np.int64]
    """[word, event] masks: bit i of word w says that the event matches part ``46 * w + i`` of the question."""
    channel: NDArray[np.int32]
    records: Records
    """The events as they were laid down; the last column holds the bits of the value."""
    has_value: bool

    def bits(self, places: Sequence[int]) -> NDArray[np.int64]:
        """Return one integer per event, of which bit i says that the event matches ``places[i]``."""
        found = np.empty(self.ts.size, np.int64)
        k.gather_bits(self.words, np.array(places, np.int64), found)
        return found

    def has(self, place: int) -> NDArray[np.bool_]:
        """Return which events match a part of the question."""
        return np.asarray((self.words[place // WORD] >> (place % WORD)) & 1, np.bool_)

    def value(self, at: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the values of some events; 0 where values were not asked for."""
        return self.records[at, -1].view(np.float64) if self.has_value else np.zeros(at.size)


Scan: TypeAlias = Callable[[int], Sequence[dict[str, _Array]]]
"""Reads the rows of a chunk by its number, in pieces: actor_code, ts_us, mask0 .., channel, value."""

Untie: TypeAlias = Callable[[_Array], dict[str, _Array]]
"""Reads the events of some instants in the order of their ids, with columns as a scan has them."""


class Wanted(NamedTuple):
    """What is wanted of events.

    Attributes:
        n_words: Words of the masks.
        with_value: Whether their values are needed.
        drop_empty: Whether events that match nothing are left out.
    """

    n_words: int
    with_value: bool
    drop_empty: bool


class EventStream:
    """The events of one question, kept until it is closed."""

    def __init__(
        self,
        customer_of: NDArray[np.int32],
        n_customers: int,
        *,
        wanted: Wanted,
        room: int,
        spill: Path,
    ) -> None:
        """Prepare for rows.

        Args:
            customer_of: Per actor code the customer, -1 for those nobody asked for.
            n_customers: All customers have numbers below.
            wanted: What of each event.
            room: Bytes to keep in memory; what goes beyond lies on disk.
            spill: Folder for that.
        """
        self.n_customers = n_customers
        self.n_parts = max(-(-n_customers >> k.SHIFT), 1)
        self._customer_of = customer_of
        self._n_words, self._with_value, self._drop_empty = wanted
        self._slabs = Slabs(self.n_parts, k.MASK + wanted.n_words + wanted.with_value, room, spill)
        self._untie: Untie | None = None
        self._asking = Lock()

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
        self._slabs.close()

    def fill(self, scan: Scan, n_sealed: int, n_loose: int, untie: Untie) -> None:
        """Read all chunks, those of loose rows last; one is read while another is laid down."""
        self._untie = untie
        with ThreadPoolExecutor(max_workers=1) as reader:
            ahead = reader.submit(scan, 0) if n_sealed + n_loose else None
            for number in range(n_sealed + n_loose):
                pieces = ahead.result() if ahead is not None else ()
                ahead = reader.submit(scan, number + 1) if number + 1 < n_sealed + n_loose else None
                rule = (number >= n_sealed, self._drop_empty)
                for rows in pieces:
                    self._slabs.add(self._columns(rows), self._customer_of, rule)
        self._slabs.finish()

    def _columns(self, rows: dict[str, _Array]) -> tuple[_Array, ...]:
        """Return the columns of a scan as the compiled steps take them."""
        extra = np.empty((self._n_words - 1, rows["ts_us"].size), np.int64)
        for word in range(self._n_words - 1):
            extra[word] = rows[f"mask{word + 1}"]
        value = rows["value"].view(np.int64) if self._with_value else np.empty(0, np.int64)
        return rows["actor_code"], rows["ts_us"], rows["channel"], rows["mask0"], value, extra

    def parts(self) -> Iterator[EventPart]:
        """Return the events part by part, in the order of customers."""
        return self.map(lambda part: part)

    def map(self, work: Callable[[EventPart], Made]) -> Iterator[Made]:
        """Return what some work makes of each part, in the order of customers; parts are worked on at once."""

        def run(number: int) -> Made:
            return work(self.part(number))

        waiting: deque[Future[Made]] = deque()
        with ThreadPoolExecutor(max_workers=_THREADS) as pool:
            for number in range(self.n_parts):
                if len(waiting) >= 2 * _THREADS:
                    yield waiting.popleft().result()
                waiting.append(pool.submit(run, number))
            while waiting:
                yield waiting.popleft().result()

    def part(self, number: int) -> EventPart:
        """Return the events of one part."""
        records = self._sort(number)
        n = records.shape[0]
        customer, ts, channel = np.empty(n, np.int32), np.empty(n, np.int64), np.empty(n, np.int32)
        words = np.empty((self._n_words, n), np.int64)
        k.split_records(records, customer, ts, channel, words)
        return EventPart(customer, ts, words, channel, records, self._with_value)

    def _sort(self, number: int) -> Records:
        """Return the records of a part by customer, time and event id."""
        first = number << k.SHIFT
        pieces = list(self._slabs.pieces(number))
        place = np.zeros(min(1 << k.SHIFT, max(self.n_customers - first, 0)) + 1, np.int64)
        for piece in pieces:
            k.count_customers(*piece, first, place)
        place = np.cumsum(place)
        records = np.empty((int(place[-1]), self._slabs.width), np.int64)
        at = place.copy()
        for piece in pieces:
            k.place_records(*piece, first, at, records)
        if k.sort_records(records, place) and self._untie is not None:
            self._settle(records, self._untie)
        return records

    def _settle(self, records: Records, untie: Untie) -> None:
        """Put events of one instant in the order of their ids where they come from several runs."""
        unclear = k.find_unclear(records)
        customer, ts = records[:, k.WHO] >> 32, records[:, k.TS]
        instants = np.unique(ts[unclear])
        with self._asking:
            rows = untie(instants)
        columns, pack_all = self._columns(rows), cast("Any", k.pack_all)
        asked = np.empty((columns[0].size, records.shape[1]), np.int64)
        pack_all(*columns, self._customer_of, asked)
        groups = np.stack([customer[unclear], ts[unclear]])
        pairs = {(who, when) for who, when in groups.T.tolist()}
        mine = np.flatnonzero(np.isin(ts, instants))
        mine = mine[[(int(customer[i]), int(ts[i])) in pairs for i in mine.tolist()]]
        whose = asked[:, k.WHO] >> 32
        kept = np.isin(whose, groups[0])
        if self._drop_empty:
            kept &= ~_is_empty(asked, self._n_words)
        theirs = np.flatnonzero(kept)
        theirs = theirs[[(int(whose[i]), int(asked[i, k.TS])) in pairs for i in theirs.tolist()]]
        # Both are now the same events; the engine gave them in the order of their ids.
        order = np.lexsort((np.arange(theirs.size), asked[theirs, k.TS], whose[theirs]))
        records[mine] = asked[theirs[order]]


def _is_empty(records: Records, n_words: int) -> NDArray[np.bool_]:
    """Return which records match nothing."""
    empty = records[:, k.MASK] >> 16 == 0
    for word in range(1, n_words):
        empty &= records[:, k.MASK + word] == 0
    return np.asarray(empty)
