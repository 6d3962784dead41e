"""The intake: where events become durable before anybody is told that they arrived.

One thread per process writes. It takes everything that waits, commits it as one transaction with
``synchronous=FULL`` and only then lets the callers go: many small batches share the price of one
sync, and SQLite never has two writers of one process polling for its lock. The writer owns its
transactions; the request session has no part in them.

What must become durable together with events is handed over as work: a function that is called with
the writer's connection inside the transaction that keeps the events.
"""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from abplat.clock import Clock, to_micros
from abplat.db.engine import BUSY_SECONDS, translate, writing
from abplat.errors import AbplatError, StorageFullError, UnavailableError
from abplat.facts import intake_sql
from abplat.facts.rows import Failure, Row, kind_of

_WAIT_SECONDS = BUSY_SECONDS + 10
_ROOM_CHECK_SECONDS = 1.0
Work = Callable[[Connection], Any]
"""Done inside the transaction of the events; it may be called again where that was rolled back."""


class Receipt(NamedTuple):
    """What became of the rows of one call, told when it is on disk."""

    accepted: int
    duplicates: int
    answer: Any = None
    """What the work returned."""


class _Submission(NamedTuple):
    """The rows of one call, ready for the database, and the promise made to the caller."""

    rows: list[tuple[Any, ...]]
    failures: list[tuple[Any, ...]]
    promise: Future[Receipt]
    work: Work | None

    @property
    def size(self) -> int:
        """How much it takes of the queue."""
        return len(self.rows) + len(self.failures) + (self.work is not None)


class Intake:
    """The durable inbox of events.

    Safe to use from many threads and after a fork: the writer starts with the first call in each
    process.
    """

    def __init__(
        self,
        engine: Engine,
        clock: Clock,
        *,
        max_waiting: int = 50_000,
        max_commit: int = 5_000,
        min_free_bytes: int = 16 * 1024 * 1024,
    ) -> None:
        """Prepare the queue; nothing is opened yet.

        Args:
            engine: Database that holds the intake tables.
            clock: Says when rows were received.
            max_waiting: Rows that may wait before callers are sent away.
            max_commit: Rows of one transaction.
            min_free_bytes: Room a disk must keep; less, and nothing is taken any more.
        """
        self._engine = engine
        self._clock = clock
        self._max_waiting = max_waiting
        self._max_commit = max_commit
        self._room = _Room(engine, min_free_bytes)
        self._reset()

    def submit(
        self, project: str, rows: Sequence[Row], failures: Sequence[Failure] = (), *, work: Work | None = None
    ) -> Receipt:
        """Keep rows and failures and do some work, all in one transaction; return when it is on disk.

        The first row of an id is kept and every later one counted as a duplicate, also where its
        body differs. Nothing is kept where an error is raised, but for the error of a time-out:
        then sending the same ids again is safe, as always.

        Raises:
            UnavailableError: If too much waits, the intake is closed or the database is not to be had.
            StorageFullError: If the disk is full.
            Exception: Whatever the work raises.
        """
        received_us = to_micros(self._clock())
        encode = msgspec.json.encode
        submission = _Submission(
            [(project, row.event_id, kind_of(row), encode(row).decode(), received_us) for row in rows],
            [(project, received_us, each.code, each.message, each.index, each.body) for each in failures],
            Future(),
            work,
        )
        if not submission.size:
            return Receipt(0, 0)
        self._enqueue(submission)
        try:
            return submission.promise.result(_WAIT_SECONDS)
        except TimeoutError as error:
            raise UnavailableError("the intake did not answer in time; send the same events again") from error

    def close(self) -> None:
        """Write what waits, then stop; calls that come later are refused."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        if self._thread is not None and self._pid == os.getpid():
            self._thread.join()

    def _reset(self) -> None:
        """Start anew: in the beginning, and in a forked child, whose parent kept the thread."""
        self._changed = threading.Condition()
        self._queue: deque[_Submission] = deque()
        self._waiting = 0
        self._closed = False
        self._thread: threading.Thread | None = None
        self._pid = os.getpid()

    def _enqueue(self, submission: _Submission) -> None:
        """Hand a submission to the writer, or refuse it where too much waits."""
        if self._pid != os.getpid():
            self._reset()
        self._room.require()
        with self._changed:
            if self._closed:
                raise UnavailableError("the intake is closed; the server is stopping")
            if self._waiting and self._waiting + submission.size > self._max_waiting:
                raise UnavailableError(f"{self._waiting} rows wait to be written; try again in a second")
            self._queue.append(submission)
            self._waiting += submission.size
            self._start_writer()
            self._changed.notify_all()

    def _start_writer(self) -> None:
        """Make sure that the writer runs."""
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._write_on, name="abplat-intake", daemon=True)
            self._thread.start()

    def _write_on(self) -> None:
        """Write groups of submissions until the intake is closed and empty."""
        writer: _Writer | None = None
        while group := self._take_group():
            try:
                writer = writer or _Writer(self._engine)
                writer.write(group)
            except AbplatError as error:
                _refuse(group, error)
            except (self._engine.dialect.loaded_dbapi.Error, DBAPIError) as error:  # it could not be opened
                _refuse(group, translate(getattr(error, "orig", None) or error))
            finally:  # nobody waits for ever, whatever happened
                _refuse(group, UnavailableError("the intake's writer stopped; send the same events again"))
        if writer is not None:
            writer.close()

    def _take_group(self) -> list[_Submission]:
        """Wait for work and take as much of it as one transaction should hold."""
        with self._changed:
            self._changed.wait_for(lambda: self._queue or self._closed)
            group: list[_Submission] = []
            size = 0
            while self._queue and (not group or size + self._queue[0].size <= self._max_commit):
                group.append(self._queue.popleft())
                size += group[-1].size
            self._waiting -= size
            return group


class _Writer:
    """The one connection of a process that writes the intake."""

    def __init__(self, engine: Engine) -> None:
        """Open the connection."""
        self._engine = writing(engine)
        self._errors = (engine.dialect.loaded_dbapi.Error, DBAPIError)
        self._sql = intake_sql.for_dialect(engine.dialect.name)
        self._connection = self._engine.connect()

    def write(self, group: list[_Submission]) -> None:
        """Commit a group; where it fails for what one of it holds, commit each alone."""
        try:
            receipts = self._commit(group)
        except Exception as error:  # noqa: BLE001  # the caller of one submission is told, the others go on
            self._part(group, error)
            return
        for submission, receipt in zip(group, receipts, strict=True):
            submission.promise.set_result(receipt)

    def close(self) -> None:
        """Give the connection back."""
        self._connection.close()

    def _part(self, group: list[_Submission], error: Exception) -> None:
        """Tell the caller of a submission of its error, or try each of several alone."""
        if isinstance(error, self._errors):
            problem = translate(getattr(error, "orig", None) or error)
            if len(group) == 1 or isinstance(problem, StorageFullError):
                self._reopen()
                raise problem from error
        elif len(group) == 1:
            _refuse(group, error)
            return
        for submission in group:
            self._write_alone(submission)

    def _write_alone(self, submission: _Submission) -> None:
        """Commit one submission and tell its caller alone of an error."""
        try:
            self.write([submission])
        except AbplatError as error:
            _refuse([submission], error)

    def _commit(self, group: list[_Submission]) -> list[Receipt]:
        """Write a group in one transaction."""
        with self._connection.begin():
            cursor = self._connection.connection.cursor()
            try:
                self._sql.begin(cursor)
                accepted = self._sql.insert_rows(cursor, [submission.rows for submission in group])
                failures = [failure for submission in group for failure in submission.failures]
                if failures:
                    self._sql.insert_failures(cursor, failures)
            finally:
                cursor.close()
            answers = [each.work(self._connection) if each.work else None for each in group]
        return [
            Receipt(new, len(each.rows) - new, answer)
            for each, new, answer in zip(group, accepted, answers, strict=True)
        ]

    def _reopen(self) -> None:
        """Take a fresh connection: the old one may have lost its database."""
        if not self._connection.invalidated:
            self._connection.invalidate()
        self._connection.close()
        self._connection = self._engine.connect()


class _Room:
    """Watches the disk under a SQLite file, so that the last of it stays for reading and draining."""

    def __init__(self, engine: Engine, min_free_bytes: int) -> None:
        """Find the folder to watch; a server's disk is not ours to see."""
        name = engine.url.database if engine.dialect.name == "sqlite" else None
        self._folder = Path(name).parent if name else None
        self._min_free_bytes = min_free_bytes
        self._looked_at = float("-inf")
        self._free = 0

    def require(self, now: Callable[[], float] = time.monotonic) -> None:
        """Refuse work while the disk is nearly full; look at most once a second."""
        if self._folder is None:
            return
        if now() - self._looked_at > _ROOM_CHECK_SECONDS:
            self._free = shutil.disk_usage(self._folder).free
            self._looked_at = now()
        if self._free < self._min_free_bytes:
            raise StorageFullError(f"{self._free} bytes are left on the disk; make room and send again")


def _refuse(group: Sequence[_Submission], error: Exception) -> None:
    """Tell the callers of a group that nothing of theirs was kept."""
    for submission in group:
        if not submission.promise.done():
            submission.promise.set_exception(error)
