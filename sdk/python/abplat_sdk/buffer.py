"""Where records wait until the platform has acknowledged them: in memory, or in a file that survives.

A record is ``(kind, text)``: kind ``event`` or ``identify``, text its JSON. Each gets a number that says in
which order it came; it leaves only by ``remove``. When the buffer is full a new record is turned away and
counted: silently losing old ones is how whole days vanish.
"""

from __future__ import annotations

import itertools
import logging
import threading
from pathlib import Path
from typing import Any, Protocol

_log = logging.getLogger("abplat_sdk")
Record = tuple[int, str]


class Buffer(Protocol):
    """What the client needs of a place where records wait."""

    dropped: int

    def put(self, kind: str, text: str) -> bool:
        """Keep a record; False when there was no room."""

    def peek(self, kind: str, count: int) -> list[Record]:
        """Return the oldest records of a kind, without removing them."""

    def remove(self, kind: str, numbers: list[int]) -> None:
        """Let go of records."""

    def count(self, kind: str | None = None) -> int:
        """Return how many records wait."""

    def load_pins(self) -> dict[str, dict[str, str]]:
        """Return the pins kept from earlier runs."""

    def save_pins(self, unit: str, pins: dict[str, str]) -> None:
        """Keep the pins of a unit."""

    def load_seen(self, limit: int) -> list[tuple[str, str, str, float]]:
        """Return unit, experiment, variant and time of what was seen in earlier runs, in that order."""

    def save_seen(self, unit: str, seen: dict[str, tuple[str, float]]) -> None:
        """Keep what a unit has seen: variant and time per experiment."""

    def load_draws(self) -> dict[str, tuple[str, int]]:
        """Return salt and phase under which each experiment was last seen in earlier runs."""

    def save_draws(self, draws: dict[str, tuple[str, int]], over: list[str]) -> None:
        """Keep draws, and let go of pins and sightings of experiments whose draw is over."""

    def before_fork(self) -> None:
        """Let go of what must not cross a fork."""

    def after_fork_in_parent(self) -> None:
        """Go on as before."""

    def after_fork(self) -> None:
        """Become usable in a child process."""

    def close(self) -> None:
        """Release what is held."""


class MemoryBuffer:
    """A bounded buffer in memory."""

    def __init__(self, capacity: int = 10_000) -> None:
        self.dropped = 0
        self._capacity = capacity
        self._lock = threading.Lock()
        self._numbers = itertools.count()
        self._records: dict[str, dict[int, str]] = {"event": {}, "identify": {}}

    def put(self, kind: str, text: str) -> bool:
        """Keep a record; False when there was no room."""
        with self._lock:
            records = self._records[kind]
            if len(records) >= self._capacity:
                self.dropped += 1
                return False
            records[next(self._numbers)] = text
            return True

    def peek(self, kind: str, count: int) -> list[Record]:
        """Return the oldest records of a kind, without removing them."""
        with self._lock:
            return list(itertools.islice(self._records[kind].items(), count))

    def remove(self, kind: str, numbers: list[int]) -> None:
        """Let go of records."""
        with self._lock:
            for number in numbers:
                self._records[kind].pop(number, None)

    def count(self, kind: str | None = None) -> int:
        """Return how many records wait."""
        return sum(len(records) for name, records in self._records.items() if kind in {None, name})

    def load_pins(self) -> dict[str, dict[str, str]]:
        """Return nothing: memory has no earlier runs."""
        return {}

    def save_pins(self, unit: str, pins: dict[str, str]) -> None:
        """Do nothing: the client itself remembers for as long as memory lasts."""

    def load_seen(self, limit: int) -> list[tuple[str, str, str, float]]:  # noqa: ARG002  # as the protocol says
        """Return nothing: memory has no earlier runs."""
        return []

    def save_seen(self, unit: str, seen: dict[str, tuple[str, float]]) -> None:
        """Do nothing: the client itself remembers for as long as memory lasts."""

    def load_draws(self) -> dict[str, tuple[str, int]]:
        """Return nothing: memory has no earlier runs."""
        return {}

    def save_draws(self, draws: dict[str, tuple[str, int]], over: list[str]) -> None:
        """Do nothing: the client itself remembers for as long as memory lasts."""

    def before_fork(self) -> None:
        """Do nothing: memory is copied."""

    def after_fork_in_parent(self) -> None:
        """Do nothing."""

    def after_fork(self) -> None:
        """Start empty: what the parent recorded is the parent's to send."""
        self._lock = threading.Lock()
        self._records = {"event": {}, "identify": {}}
        self.dropped = 0

    def close(self) -> None:
        """Do nothing."""


_SCHEMA = """
CREATE TABLE IF NOT EXISTS records (number INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, body TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS records_kind ON records (kind, number);
CREATE TABLE IF NOT EXISTS pins (
  unit TEXT NOT NULL, experiment TEXT NOT NULL, variant TEXT NOT NULL, PRIMARY KEY (unit, experiment)
);
CREATE TABLE IF NOT EXISTS seen (
  number INTEGER PRIMARY KEY, unit TEXT NOT NULL, experiment TEXT NOT NULL, variant TEXT NOT NULL,
  at REAL NOT NULL, UNIQUE (unit, experiment)
);
CREATE TABLE IF NOT EXISTS draws (experiment TEXT PRIMARY KEY, salt TEXT NOT NULL, phase INTEGER NOT NULL);
"""


class DiskBuffer:
    """A buffer in an SQLite file, for stores and kiosks that are offline for days.

    A record is in the file when ``put`` returns: it survives the end of the process at any moment, and the
    loss of power except for the last seconds. Processes may share a file: a record may then be sent
    twice, with the same id, and is counted once.

    Raises:
        Exception: Whatever SQLite says when the file cannot be used.
    """

    def __init__(self, path: str | Path, capacity: int = 1_000_000) -> None:
        self.dropped = 0
        self._path = Path(path)
        self._capacity = capacity
        self._lock = threading.Lock()
        self._held: Any = None
        self._counts = self._count_rows()

    @property
    def _connection(self) -> Any:
        """The connection, opened when it is needed."""
        if self._held is None:
            self._held = self._open()
        return self._held

    def _disconnect(self) -> None:
        """Close the connection, if any."""
        held, self._held = self._held, None
        if held is not None:
            held.close()

    def _open(self) -> Any:
        """Open the file and make its tables."""
        import sqlite3  # noqa: PLC0415  # some builds of Python lack it; only this class needs it

        self._path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(self._path, timeout=1.0, isolation_level=None, check_same_thread=False)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.executescript(_SCHEMA)
        return connection

    def _count_rows(self) -> dict[str, int]:
        """Count what an earlier run left."""
        rows = self._connection.execute("SELECT kind, count(*) FROM records GROUP BY kind").fetchall()
        return {"event": 0, "identify": 0, **dict(rows)}

    def put(self, kind: str, text: str) -> bool:
        """Keep a record; False when there was no room."""
        with self._lock:
            if self._counts[kind] >= self._capacity:
                self.dropped += 1
                return False
            self._connection.execute("INSERT INTO records (kind, body) VALUES (?, ?)", (kind, text))
            self._counts[kind] += 1
            return True

    def peek(self, kind: str, count: int) -> list[Record]:
        """Return the oldest records of a kind, without removing them."""
        query = "SELECT number, body FROM records WHERE kind = ? ORDER BY number LIMIT ?"
        with self._lock:
            rows = self._connection.execute(query, (kind, count)).fetchall()
            if len(rows) < count:  # another process may have sent some
                self._counts[kind] = len(rows)
        return [(int(number), str(body)) for number, body in rows]

    def remove(self, kind: str, numbers: list[int]) -> None:
        """Let go of records, all in one transaction."""
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                gone = self._connection.executemany(
                    "DELETE FROM records WHERE number = ?", [(n,) for n in numbers]
                )
            finally:
                self._connection.execute("COMMIT")
            self._counts[kind] = max(self._counts[kind] - gone.rowcount, 0)

    def count(self, kind: str | None = None) -> int:
        """Return how many records wait."""
        return sum(count for name, count in self._counts.items() if kind in {None, name})

    def load_pins(self) -> dict[str, dict[str, str]]:
        """Return the pins kept from earlier runs."""
        pins: dict[str, dict[str, str]] = {}
        with self._lock:
            for unit, experiment, variant in self._connection.execute(
                "SELECT unit, experiment, variant FROM pins"
            ):
                pins.setdefault(unit, {})[experiment] = variant
        return pins

    def save_pins(self, unit: str, pins: dict[str, str]) -> None:
        """Keep the pins of a unit."""
        rows = [(unit, experiment, variant) for experiment, variant in pins.items()]
        with self._lock:
            self._connection.executemany("INSERT OR REPLACE INTO pins VALUES (?, ?, ?)", rows)

    def load_seen(self, limit: int) -> list[tuple[str, str, str, float]]:
        """Return unit, experiment, variant and time of what was seen in earlier runs, in that order."""
        oldest = "SELECT number FROM seen ORDER BY number DESC LIMIT 1 OFFSET ?"
        kept = "SELECT unit, experiment, variant, at FROM seen ORDER BY at, number"
        with self._lock:
            self._connection.execute(f"DELETE FROM seen WHERE number <= ({oldest})", (limit,))  # noqa: S608  # a constant
            return list(self._connection.execute(kept).fetchall())

    def save_seen(self, unit: str, seen: dict[str, tuple[str, float]]) -> None:
        """Keep what a unit has seen: variant and time per experiment."""
        rows = [(unit, experiment, variant, at) for experiment, (variant, at) in seen.items()]
        insert = (
            "INSERT INTO seen (unit, experiment, variant, at) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (unit, experiment) DO UPDATE SET variant = excluded.variant, at = excluded.at"
        )
        with self._lock:
            self._connection.executemany(insert, rows)

    def load_draws(self) -> dict[str, tuple[str, int]]:
        """Return salt and phase under which each experiment was last seen in earlier runs."""
        with self._lock:
            rows = self._connection.execute("SELECT experiment, salt, phase FROM draws").fetchall()
        return {experiment: (salt, phase) for experiment, salt, phase in rows}

    def save_draws(self, draws: dict[str, tuple[str, int]], over: list[str]) -> None:
        """Keep draws, and let go of pins and sightings of experiments whose draw is over."""
        gone = [(experiment,) for experiment in over]
        rows = [(experiment, *draw) for experiment, draw in draws.items()]
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                self._connection.executemany("DELETE FROM pins WHERE experiment = ?", gone)
                self._connection.executemany("DELETE FROM seen WHERE experiment = ?", gone)
                self._connection.executemany("INSERT OR REPLACE INTO draws VALUES (?, ?, ?)", rows)
            finally:
                self._connection.execute("COMMIT")

    def before_fork(self) -> None:
        """Close the file: SQLite loses track of its locks when an open file crosses a fork."""
        self._lock.acquire()
        self._disconnect()

    def after_fork_in_parent(self) -> None:
        """Let threads use the file again; the next one opens it."""
        self._lock.release()

    def after_fork(self) -> None:
        """Let the child use the file too, through an opening of its own."""
        self._lock = threading.Lock()

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._disconnect()


def open_buffer(path: str | Path | None, capacity: int | None) -> Buffer:
    """Open the buffer asked for; memory when the file cannot be used, which is logged."""
    if path is None:
        return MemoryBuffer(capacity or 10_000)
    try:
        return DiskBuffer(path, capacity or 1_000_000)
    except Exception as error:  # noqa: BLE001  # the SDK edge: a broken disk must not stop the host
        _log.warning("abplat: the queue file %s cannot be used (%s); events wait in memory", path, error)
        return MemoryBuffer(capacity or 10_000)
