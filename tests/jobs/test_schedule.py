"""Schedules: every step is taken when it is due, by one worker, once."""

from __future__ import annotations

import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from abplat.clock import format_instant
from abplat.config import Settings
from abplat.db.engine import writing
from abplat.db.models.audit import AuditEntry
from abplat.db.models.phases import Phase
from abplat.db.queries import jobs as job_queries
from abplat.errors import ConflictError
from abplat.facts.intake import Intake
from abplat.facts.lake import Lake
from abplat.facts.rows import ExposureRow
from abplat.jobs import schedule
from abplat.jobs.context import JobContext
from abplat.jobs.runner import Runner
from abplat.services import catalogue, experiments, phases, schedules
from abplat.services.experiments import Moment
from abplat.services.platform import Platform
from tests.conftest import NOW, FakeClock, make_catalogue, make_experiment

WHO = ("shop", "shorter-form")
DAY = timedelta(days=1)


@pytest.fixture(name="context")
def _context(platform: Platform, settings: Settings, clock: FakeClock, tmp_path: Path) -> JobContext:
    """Return what jobs are given, with a project that has a draft."""
    with platform.writers.begin() as session:
        catalogue.apply(session, make_catalogue(), now=NOW)
    return JobContext(settings, clock, platform.engine, Lake(tmp_path / "lake"))


def plan(context: JobContext, **said: Any) -> None:
    """Give the experiment a schedule."""
    with Session(writing(context.engine)) as session, session.begin():
        experiments.update(session, *WHO, {"schedule": said}, now=NOW)


def work(context: JobContext) -> str:
    """Run the job as a worker would; return what it said."""
    outcome = schedule.run(context, {})
    if outcome.publish is not None:
        with Session(writing(context.engine)) as session, session.begin():
            outcome.publish(session)
    return outcome.detail


def now_of(context: JobContext) -> dict[str, Any]:
    """Return the experiment."""
    with context.sessions() as session:
        return experiments.get(session, *WHO)


def start(context: JobContext) -> None:
    """Start the experiment by hand."""
    with Session(writing(context.engine)) as session, session.begin():
        experiments.start(session, *WHO, Moment(NOW))


def test_it_starts_and_ends_when_it_says(context: JobContext, clock: FakeClock) -> None:
    """Not before, not twice, and in the name of the job."""
    plan(context, start_at=format_instant(NOW + DAY), end_at=format_instant(NOW + 3 * DAY))
    assert (work(context), now_of(context)["state"]) == ("", "draft")
    clock.advance(days=1)
    assert (work(context), now_of(context)["state"]) == ("start shop/shorter-form", "running")
    assert work(context) == ""
    clock.advance(days=5)
    work(context)

    assert now_of(context)["state"] == "stopped"
    assert now_of(context)["stopped_at"] == clock()
    with context.sessions() as session:
        actors = {
            entry.actor for entry in session.scalars(select(AuditEntry)) if entry.verb in ("start", "stop")
        }
    assert actors == {"job:schedule"}


def test_a_ramp_waits_for_time_then_approval_then_customers(
    context: JobContext, clock: FakeClock, platform: Platform
) -> None:
    """Each step holds until everything that it names has come to pass; after the last all take part."""
    steps = [
        {"included": 100, "hold": "1d"},
        {"included": 1000, "approval": True},
        {"included": 5000, "min_sample": 2},
    ]
    plan(context, ramp=steps)
    start(context)
    assert (work(context), now_of(context)["coverage"]) == ("", 100)
    clock.advance(days=1)
    assert (work(context), now_of(context)["coverage"]) == ("widen shop/shorter-form", 1000)
    clock.advance(days=9)
    assert work(context) == ""
    approve(context, 1)
    assert (work(context), now_of(context)["coverage"]) == ("widen shop/shorter-form", 5000)
    expose(context, platform, "control", 5)
    expose(context, platform, "treatment", 1)
    assert work(context) == ""
    expose(context, platform, "treatment", 2)
    work(context)

    assert (now_of(context)["coverage"], now_of(context)["ramp_step"]) == (10_000, None)
    with context.sessions() as session:
        assert [phase["kind"] for phase in phases.list_(session, *WHO)] == [
            "start",
            "widen",
            "widen",
            "widen",
        ]


def approve(context: JobContext, step: int) -> None:
    """Approve a step of the ramp."""
    with Session(writing(context.engine)) as session, session.begin():
        schedules.approve(session, *WHO, {"step": step}, now=NOW)


def expose(context: JobContext, platform: Platform, variant: str, n: int) -> None:
    """Let customers meet a variant, and drain."""
    from abplat.facts.drain import Drain

    ts_us = int(context.clock().timestamp() * 1e6)
    rows: list[Any] = [
        ExposureRow(f"{variant}{number}", f"cust:{variant}{number}", "shorter-form", variant, ts_us, "web")
        for number in range(n)
    ]
    inbox = Intake(context.engine, context.clock)
    inbox.submit("shop", rows)
    inbox.close()
    Drain(context.engine, context.lake).run()


def test_a_ramp_stands_still_while_it_is_paused_or_killed(context: JobContext, clock: FakeClock) -> None:
    """The hold begins anew afterwards: what was off has shown nothing."""
    plan(context, ramp=[{"included": 100, "hold": "1d"}])
    start(context)
    for off, on in ((experiments.pause, experiments.resume), (experiments.kill, experiments.revive)):
        with Session(writing(context.engine)) as session, session.begin():
            off(session, *WHO, {}, now=clock())
        clock.advance(days=3)
        assert work(context) == ""
        with Session(writing(context.engine)) as session, session.begin():
            on(session, *WHO, {}, now=clock())
        assert work(context) == ""
    clock.advance(days=1)

    assert work(context) == "widen shop/shorter-form"


def test_a_ramp_is_locked_but_can_be_dropped(context: JobContext) -> None:
    """Its steps are the plan; without it the coverage stays as it is and may be changed by hand."""
    plan(context, ramp=[{"included": 100, "hold": "1d"}])
    start(context)
    with pytest.raises(ConflictError, match="ramp"):
        plan(context, ramp=[{"included": 9000, "hold": "1d"}])
    with Session(writing(context.engine)) as session, session.begin():
        with pytest.raises(ConflictError, match="ramp is under way"):
            phases.begin(session, *WHO, {"included": 500, "reason": "x"}, now=NOW)
        with pytest.raises(ConflictError, match="at step 0"):
            schedules.approve(session, *WHO, {"step": 1}, now=NOW)
    plan(context)

    assert (now_of(context)["coverage"], now_of(context)["ramp_step"]) == (100, None)


def test_what_cannot_start_says_why_once_and_stops_nobody(context: JobContext, clock: FakeClock) -> None:
    """One faulty experiment must not keep the others waiting."""
    with Session(writing(context.engine)) as session, session.begin():
        said = {"schedule": {"start_at": format_instant(NOW)}}
        experiments.update(session, *WHO, said | {"included": 0}, now=NOW)
        experiments.create(session, "shop", make_experiment(key="zz-other", **said), now=NOW)
    work(context)
    revision = now_of(context)["revision"]
    work(context)

    assert "nobody takes part" in now_of(context)["schedule_fault"]
    assert now_of(context)["revision"] == revision
    with context.sessions() as session:
        assert experiments.get(session, "shop", "zz-other")["state"] == "running"
    with Session(writing(context.engine)) as session, session.begin():
        experiments.update(session, *WHO, {"included": 10}, now=NOW)
    work(context)
    assert (now_of(context)["state"], now_of(context)["schedule_fault"]) == ("running", None)


def test_what_should_have_ended_is_not_started(context: JobContext, clock: FakeClock) -> None:
    """A worker that was down for a week must not start what is over."""
    plan(context, start_at=format_instant(NOW + DAY), end_at=format_instant(NOW + 2 * DAY))
    clock.advance(days=7)
    work(context)

    assert now_of(context)["state"] == "draft"
    assert "has passed" in now_of(context)["schedule_fault"]


def test_of_many_workers_one_takes_each_step(context: JobContext, clock: FakeClock) -> None:
    """They all find the step due; the transaction of one is the first, and the others find it taken."""
    plan(context, ramp=[{"included": 100, "hold": "1s"}, {"included": 200, "hold": "1d"}])
    start(context)
    clock.advance(seconds=5)
    outcomes = [schedule.run(context, {}) for _ in range(4)]

    def publish(number: int) -> None:
        """Write as a worker whose lease is good."""
        with Session(writing(context.engine)) as session, session.begin():
            found = outcomes[number].publish
            assert found is not None
            found(session)

    threads = [threading.Thread(target=publish, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert now_of(context)["coverage"] == 200
    with context.sessions() as session:
        assert len(session.scalars(select(Phase)).all()) == 2


def test_a_worker_that_lost_its_lease_takes_no_step(context: JobContext, clock: FakeClock) -> None:
    """The runner publishes under the lease alone."""
    plan(context, start_at=format_instant(NOW))
    runner = Runner(context)
    with writing(context.engine).begin() as connection:
        job_queries.insert(connection, job_queries.NewJob("schedule", {}, every_us=10_000_000))
        lease = job_queries.claim(connection, "slow", 10**18, ["schedule"])
        assert lease is not None
        assert job_queries.take_over(connection, "quick", lease.job_id, lease.token, 0) is not None

    assert runner._publish(lease, schedule.run(context, {})) is False
    assert now_of(context)["state"] == "draft"


def test_the_worker_does_it_among_its_jobs(context: JobContext) -> None:
    """Also where it is told to work off what there is and end."""
    plan(context, start_at=format_instant(NOW))
    said: list[str] = []
    Runner(context, on_result=lambda result: said.append(result.detail)).run_once()

    assert "start shop/shorter-form" in said
    assert now_of(context)["state"] == "running"


def test_a_ramp_of_groups_counts_groups(context: JobContext, platform: Platform) -> None:
    """Five customers of one store are one store."""
    from abplat.facts.drain import Drain

    with Session(writing(context.engine)) as session, session.begin():
        experiments.update(session, *WHO, {"unit_type": "store"}, now=NOW)
    plan(context, ramp=[{"included": 5000, "min_sample": 2}])
    start(context)

    def meet(store: int, customers: range) -> None:
        ts_us = int(context.clock().timestamp() * 1e6)
        rows: list[Any] = [
            ExposureRow(f"{variant}{store}-{n}", f"cust:{variant}{store}-{n}", "shorter-form", variant, ts_us, "web", cluster=f"store:{variant}{store}")
            for variant in ("control", "treatment")
            for n in customers
        ]  # fmt: skip
        inbox = Intake(context.engine, context.clock)
        inbox.submit("shop", rows)
        inbox.close()
        Drain(context.engine, context.lake).run()

    del platform
    meet(1, range(5))
    assert work(context) == ""
    meet(2, range(1))

    assert work(context) == "widen shop/shorter-form"
