"""The worker's loop: lease a job, do it, publish its result and call it done in one transaction."""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import repeat
from typing import Any

from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from abplat.clock import to_micros
from abplat.db.engine import writing
from abplat.db.queries import jobs as queries
from abplat.db.queries.jobs import Lease
from abplat.errors import InvalidInputError, NotFoundError
from abplat.jobs.context import JobContext, Outcome
from abplat.jobs.lease import Heartbeat, Onlooker
from abplat.jobs.registry import PERIODS_US, find_handler, find_together, known_kinds

_LOG = logging.getLogger(__name__)
_MAX_TRIES = 5
_SECOND_US = 1_000_000
_LONGEST_PAUSE_US = 300 * _SECOND_US
# Trying again would give the same answer.
_FINAL = (InvalidInputError, NotFoundError)
_MOST_TOGETHER = 50


@dataclass(frozen=True, slots=True)
class JobResult:
    """One job that was done, for whoever watches the worker.

    Attributes:
        kind: What it was.
        key: What it was done to.
        state: ``done``, ``failed``, ``retry`` or ``lost`` where somebody else has taken it over.
        detail: A few words about it.
        seconds: How long it took.
    """

    kind: str
    key: str
    state: str
    detail: str
    seconds: float


class Runner:
    """Does jobs, one at a time. Any number of runners may share a database."""

    def __init__(
        self,
        context: JobContext,
        *,
        on_result: Callable[[JobResult], None] = lambda _result: None,
        lease_seconds: float = 15.0,
    ) -> None:
        """Remember the surroundings.

        Args:
            context: What the jobs are given.
            on_result: Called after each job that has something to tell.
            lease_seconds: How long a worker may be silent before others take its job.
        """
        self._context = context
        self._on_result = on_result
        self._beat_seconds = lease_seconds / 5
        self._onlooker = Onlooker(lease_seconds)
        self._owner = f"{socket.gethostname()}/{os.getpid()}"
        self._kinds = known_kinds()
        self._stop = threading.Event()

    def run(self, stop: threading.Event, *, poll_seconds: float = 0.5) -> None:
        """Work until told to stop; the job at hand is finished first."""
        self._stop = stop
        while not stop.is_set():
            try:
                self._ensure_periodic()
                worked = self.step()
            except OperationalError as error:
                _LOG.error("the database does not answer; trying again: %s", error.orig)
                worked = False
            if not worked:
                stop.wait(poll_seconds)

    def run_once(self) -> int:
        """Drain everything, do what schedules want and all that waits, compact, look at the data; return how many jobs failed."""
        failed = self._call("drain", {"everything": True}) + self._call("schedule", {})
        one_off = [kind for kind in self._kinds if kind not in PERIODS_US]
        while lease := self._claim(one_off):
            failed += self._work(lease)
        return failed + self._call("compact", {}) + self._call("quality", {})

    def step(self) -> bool:
        """Do one job; tell whether there was one."""
        lease = self._claim(self._kinds) or self._take_over()
        if lease is None:
            return False
        self._work(lease)
        return True

    def _now_us(self) -> int:
        """Return the present time."""
        return to_micros(self._context.clock())

    def _ensure_periodic(self) -> None:
        """Queue the repeating jobs that are not there yet."""
        with self._context.engine.connect() as connection:
            missing = [kind for kind in PERIODS_US if not queries.is_known(connection, kind, "")]
        if missing:
            now_us = self._now_us()
            with writing(self._context.engine).begin() as connection:
                for kind in missing:
                    period = PERIODS_US[kind]
                    queries.insert(connection, queries.NewJob(kind, {}, every_us=period, created_us=now_us))

    def _claim(self, kinds: list[str]) -> Lease | None:
        """Lease a job that is due; look without the write lock first."""
        now_us = self._now_us()
        with self._context.engine.connect() as connection:
            if not queries.is_due(connection, now_us, kinds):
                return None
        with writing(self._context.engine).begin() as connection:
            return queries.claim(connection, self._owner, now_us, kinds)

    def _take_over(self) -> Lease | None:
        """Lease a job whose holder has died."""
        with self._context.engine.connect() as connection:
            silent = self._onlooker.find_silent(queries.list_running(connection))
        if not silent:
            return None
        with writing(self._context.engine).begin() as connection:
            return queries.take_over(connection, self._owner, *silent[0])

    def _work(self, lease: Lease) -> int:
        """Do a job, and with it those that are better done together; return how many were not done.

        Each is published and told of as soon as its outcome is there. Told to stop, the worker gives the
        rest back.
        """
        leases = [lease, *self._claim_together(lease)]
        waiting, failed, began = deque(leases), 0, time.monotonic()
        with (
            Heartbeat(self._context.engine, leases, self._beat_seconds),
            closing(self._do(leases)) as outcomes,
        ):
            for outcome in outcomes:
                failed += self._settle(waiting.popleft(), outcome, began) != "done"
                began = time.monotonic()
                if self._stop.is_set():
                    break
        self._give_back(waiting)
        return failed

    def _claim_together(self, lease: Lease) -> list[Lease]:
        """Lease the jobs that wait and are done best with this one."""
        together = None if lease.every_us is not None else find_together(lease.kind)
        if together is None:
            return []
        batch = together.batch_of(lease.payload)
        with writing(self._context.engine).begin() as connection:
            due = queries.list_due(connection, self._now_us(), lease.kind, _MOST_TOGETHER)
            alike = [job_id for job_id, payload in due if together.batch_of(payload) == batch]
            found = [queries.claim_one(connection, self._owner, job_id) for job_id in alike]
        return [each for each in found if each is not None]

    def _do(self, leases: Sequence[Lease]) -> Generator[Outcome | Exception]:
        """Give the outcome of each job, or the error that stopped it."""
        kind, given = leases[0].kind, 0
        try:
            together = find_together(kind) if len(leases) > 1 else None
            if together is None:
                yield find_handler(kind)(self._context, leases[0].payload)
                return
            for outcome in together.run(self._context, [lease.payload for lease in leases]):
                given += 1
                yield outcome
        except Exception as error:  # noqa: BLE001  # the edge of all jobs: one that fails stops no other
            yield from repeat(error, len(leases) - given)

    def _settle(self, lease: Lease, outcome: Outcome | Exception, began: float) -> str:
        """Publish an outcome, or note an error, and tell of it; return what became of the job."""
        state, detail = self._try_to_publish(lease, outcome)
        if detail or lease.every_us is None:
            self._on_result(JobResult(lease.kind, lease.key, state, detail, time.monotonic() - began))
        return state

    def _try_to_publish(self, lease: Lease, outcome: Outcome | Exception) -> tuple[str, str]:
        """Publish an outcome, or note an error; return what became of the job, and a few words."""
        if isinstance(outcome, Outcome):
            try:
                return "done" if self._publish(lease, outcome) else "lost", outcome.detail
            except Exception as error:  # noqa: BLE001  # the edge of all jobs: one that fails stops no other
                outcome = error
        return self._fail(lease, outcome), str(outcome) or repr(outcome)

    def _give_back(self, leases: Iterable[Lease]) -> None:
        """Let others do what was not begun."""
        for lease in leases:
            with writing(self._context.engine).begin() as connection:
                queries.release(connection, lease)

    def _publish(self, lease: Lease, outcome: Outcome) -> bool:
        """Write the result and call the job done, if the lease is still good."""
        with Session(writing(self._context.engine)) as session:
            if not queries.finish(session.connection(), lease, self._now_us()):
                return False
            if outcome.publish is not None:
                outcome.publish(session)
            session.commit()
        return True

    def _fail(self, lease: Lease, error: Exception) -> str:
        """Note a failure; a repeating job is always tried again, another a few times."""
        _LOG.error("%s %s failed (try %d)", lease.kind, lease.key, lease.tries, exc_info=error)
        again = lease.every_us is not None or (lease.tries < _MAX_TRIES and not isinstance(error, _FINAL))
        pause_us = min(_SECOND_US * 2 ** min(lease.tries, 10), _LONGEST_PAUSE_US)
        retry_at_us = self._now_us() + pause_us if again else None
        with writing(self._context.engine).begin() as connection:
            queries.fail(connection, lease, str(error) or repr(error), retry_at_us)
        return "retry" if again else "failed"

    def _call(self, kind: str, payload: dict[str, Any]) -> int:
        """Do a repeating job now, whoever else may be at it; return 1 where it failed."""
        began = time.monotonic()
        outcome = find_handler(kind)(self._context, payload)
        if outcome.publish is not None:
            with Session(writing(self._context.engine)) as session:
                outcome.publish(session)
                session.commit()
        if outcome.detail:
            self._on_result(JobResult(kind, "", "done", outcome.detail, time.monotonic() - began))
        return 0
