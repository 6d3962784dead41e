"""Jobs are done once, and a worker's death costs no more than a lease."""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from sqlalchemy import Engine, insert, select
from sqlalchemy.orm import Session

from abplat.clock import system_clock
from abplat.config import Settings
from abplat.db.engine import writing
from abplat.db.models.intake import drain_state
from abplat.db.models.jobs import jobs
from abplat.db.queries import jobs as queries
from abplat.errors import NotFoundError
from abplat.facts.intake import Intake
from abplat.facts.lake import Lake
from abplat.facts.rows import TouchpointRow
from abplat.jobs import registry
from abplat.jobs.context import JobContext, Outcome
from abplat.jobs.lease import Onlooker
from abplat.jobs.runner import JobResult, Runner
from abplat.services.jobs import enqueue


@pytest.fixture
def context(engine: Engine, lake: Lake, tmp_path: Path) -> JobContext:
    """Return what jobs are given."""
    return JobContext(Settings(data_dir=tmp_path), system_clock, engine, lake)


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Install a kind of job named probe; a test sets what its ``run`` does."""
    module = ModuleType("abplat.jobs.probe")
    module.__spec__ = registry.__spec__
    monkeypatch.setitem(sys.modules, "abplat.jobs.probe", module)
    monkeypatch.setattr(registry, "_KINDS", ("drain", "compact", "probe"))
    return module


def queue(engine: Engine, kind: str = "probe", **payload: Any) -> int:
    """Queue a job."""
    with Session(writing(engine)) as session:
        job_id = enqueue(session, kind, payload)
        session.commit()
    return job_id


def states(engine: Engine, kind: str = "probe") -> list[tuple[str, int]]:
    """Return state and tries of all jobs of a kind."""
    with engine.connect() as connection:
        rows = connection.execute(
            select(jobs.c.state, jobs.c.tries).where(jobs.c.kind == kind).order_by(jobs.c.id)
        )
        return [tuple(row) for row in rows]


def lease(engine: Engine, owner: str = "dead") -> queries.Lease:
    """Lease the next job, as a worker that says no more would have."""
    with writing(engine).begin() as connection:
        found = queries.claim(connection, owner, 10**18, ["probe"])
    assert found is not None
    return found


def mark(session: Session) -> None:
    """Write something that shows how often a result was published."""
    session.execute(insert(drain_state), {"project": "p", "kind": "k", "done": 1})


def marks(engine: Engine) -> int:
    """Return how often a result was published."""
    with engine.connect() as connection:
        return len(connection.execute(select(drain_state)).all())


def test_a_job_is_done_and_published_once(context: JobContext, engine: Engine, work: ModuleType) -> None:
    """A job is done and published once."""
    seen: list[dict[str, Any]] = []
    results: list[JobResult] = []
    work.run = lambda _context, payload: seen.append(payload) or Outcome("fine", mark)
    queue(engine, experiment="x")
    runner = Runner(context, on_result=results.append)

    assert runner.run_once() == 0
    assert runner.run_once() == 0
    assert seen == [{"experiment": "x"}]
    assert states(engine) == [("done", 1)]
    assert marks(engine) == 1
    assert [(result.kind, result.key, result.state, result.detail) for result in results] == [
        ("probe", "x", "done", "fine")
    ]


def test_enqueue_keeps_one_waiting_job_of_a_key(engine: Engine, work: ModuleType) -> None:
    """Enqueue keeps one waiting job of a key."""
    first = queue(engine, experiment="x")

    assert queue(engine, experiment="x") == first
    assert queue(engine, experiment="y") != first
    lease(engine)
    assert queue(engine, experiment="x") != first


def test_a_failing_job_is_tried_again_later(context: JobContext, engine: Engine, work: ModuleType) -> None:
    """A failing job is tried again later."""

    def fail(_context: JobContext, _payload: dict[str, Any]) -> Outcome:
        raise ValueError("broken")

    work.run = fail
    queue(engine)

    assert Runner(context).run_once() == 1
    assert states(engine) == [("queued", 1)]
    with engine.connect() as connection:
        row = connection.execute(select(jobs)).one()
    assert (row.error, row.run_at_us > 0) == ("broken", True)


def test_a_job_that_cannot_succeed_is_given_up(context: JobContext, engine: Engine, work: ModuleType) -> None:
    """A job that cannot succeed is given up."""

    def fail(_context: JobContext, _payload: dict[str, Any]) -> Outcome:
        raise NotFoundError("no such experiment")

    work.run = fail
    queue(engine)

    assert Runner(context).run_once() == 1
    assert states(engine) == [("failed", 1)]


def test_a_failed_publication_leaves_nothing(context: JobContext, engine: Engine, work: ModuleType) -> None:
    """A failed publication leaves nothing."""

    def publish(session: Session) -> None:
        mark(session)
        raise ValueError("half way")

    work.run = lambda _context, _payload: Outcome("", publish)
    queue(engine)
    Runner(context).run_once()

    assert marks(engine) == 0
    assert states(engine) == [("queued", 1)]


def test_a_dead_workers_job_is_taken_over(context: JobContext, engine: Engine, work: ModuleType) -> None:
    """A dead workers job is taken over."""
    work.run = lambda _context, _payload: Outcome("fine", mark)
    queue(engine)
    lease(engine)
    runner = Runner(context, lease_seconds=0.3)

    assert not runner.step()  # the first look starts the onlooker's clock
    time.sleep(0.4)
    assert runner.step()
    assert states(engine) == [("done", 2)]


def test_a_worker_that_lost_its_lease_publishes_nothing(
    context: JobContext, engine: Engine, work: ModuleType
) -> None:
    """A worker that lost its lease publishes nothing."""

    def lose(_context: JobContext, _payload: dict[str, Any]) -> Outcome:
        with writing(engine).begin() as connection:
            ((job_id, token, beat),) = queries.list_running(connection)
            assert queries.take_over(connection, "rival", job_id, token, beat)
        return Outcome("late", mark)

    work.run = lose
    results: list[JobResult] = []
    queue(engine)
    Runner(context, on_result=results.append).run_once()

    assert marks(engine) == 0
    assert [result.state for result in results] == ["lost"]
    assert states(engine) == [("running", 2)]


def test_a_living_holder_keeps_its_job(context: JobContext, engine: Engine, work: ModuleType) -> None:
    """A living holder keeps its job."""
    work.run = lambda _context, _payload: time.sleep(1.2) or Outcome("slow", mark)
    queue(engine)
    results: list[JobResult] = []
    stop = threading.Event()
    workers = [Runner(context, on_result=results.append, lease_seconds=0.5) for _ in range(2)]
    threads = [
        threading.Thread(target=worker.run, args=(stop,), kwargs={"poll_seconds": 0.05}) for worker in workers
    ]
    for thread in threads:
        thread.start()
    time.sleep(2.0)
    stop.set()
    for thread in threads:
        thread.join()

    assert [result.state for result in results] == ["done"]
    assert states(engine) == [("done", 1)]


def test_two_workers_share_many_jobs(context: JobContext, engine: Engine, work: ModuleType) -> None:
    """Two workers share many jobs."""
    done: list[int] = []
    work.run = lambda _context, payload: done.append(payload["number"]) or Outcome()
    for number in range(40):
        queue(engine, number=number)
    workers = [threading.Thread(target=Runner(context).run_once) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    assert sorted(done) == list(range(40))
    assert set(states(engine)) == {("done", 1)}


def test_the_loop_drains_by_itself(context: JobContext, engine: Engine) -> None:
    """The loop drains by itself."""
    results: list[JobResult] = []
    stop = threading.Event()
    runner = Runner(context, on_result=lambda result: (results.append(result), stop.set()))
    inbox = Intake(engine, system_clock)
    inbox.submit("shop", [TouchpointRow("a", "cust:1", "visit", 5)])
    inbox.close()
    runner.run(stop)

    assert [(result.kind, result.detail) for result in results] == [("drain", "1 row")]
    assert states(engine, "drain") == [("queued", 0)]
    assert context.lake.version("shop", "touchpoint") == 1


def test_an_onlooker_needs_no_wall_clock() -> None:
    """An onlooker needs no wall clock."""
    now = [0.0]
    onlooker = Onlooker(10, lambda: now[0])
    quiet, lively = (1, 1, 0), (2, 1, 0)

    assert onlooker.find_silent([quiet, lively]) == []
    now[0] = 11
    assert onlooker.find_silent([quiet, (2, 1, 1)]) == [quiet]
    now[0] = 12
    assert onlooker.find_silent([(1, 2, 0), (2, 1, 1)]) == []
