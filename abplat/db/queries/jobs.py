"""Statements on the table of jobs. None of them commits."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select, text, update
from sqlalchemy.orm import Session

from abplat.db.models.jobs import jobs

_ENQUEUE = text(
    "INSERT INTO jobs (kind, key, payload, run_at_us, every_us, created_us) "
    "VALUES (:kind, :key, :payload, :run_at_us, :every_us, :created_us) "
    "ON CONFLICT (kind, key) WHERE state = 'queued' DO NOTHING"
)
_SHOWN_ERROR = 2_000


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to work on a job, for as long as nobody else has a newer token.

    Attributes:
        job_id: The job.
        kind: What is to be done.
        key: What it is done to; one waiting job per kind and key.
        payload: What the work needs to know.
        token: Grows with every lease of the job; an old one can finish nothing.
        tries: How many leases there were, this one included.
        every_us: Period of a job that comes again, else None.
    """

    job_id: int
    kind: str
    key: str
    payload: dict[str, Any]
    token: int
    tries: int
    every_us: int | None


@dataclass(frozen=True, slots=True)
class NewJob:
    """A job to put into the table."""

    kind: str
    payload: Mapping[str, Any]
    key: str = ""
    run_at_us: int = 0
    every_us: int | None = None
    created_us: int = 0


def insert(session: Session | Connection, job: NewJob) -> int:
    """Queue a job unless an equal one waits; return the id of the one that waits."""
    document = json.dumps(job.payload, sort_keys=True)
    values = {
        "kind": job.kind,
        "key": job.key,
        "payload": document,
        "run_at_us": job.run_at_us,
        "every_us": job.every_us,
        "created_us": job.created_us,
    }
    session.execute(_ENQUEUE, values)
    waiting = select(jobs.c.id).where(
        jobs.c.kind == job.kind, jobs.c.key == job.key, jobs.c.state == "queued"
    )
    return int(session.execute(waiting).scalar_one())


def is_known(connection: Connection, kind: str, key: str) -> bool:
    """Tell whether a job of this kind and key waits or runs."""
    query = select(jobs.c.id).where(
        jobs.c.kind == kind, jobs.c.key == key, jobs.c.state.in_(("queued", "running"))
    )
    return connection.execute(query.limit(1)).first() is not None


def claim(connection: Connection, owner: str, now_us: int, kinds: Sequence[str]) -> Lease | None:
    """Lease the job that has waited longest, or return None where none is due."""
    due = (
        select(jobs.c.id)
        .where(jobs.c.state == "queued", jobs.c.run_at_us <= now_us, jobs.c.kind.in_(kinds))
        .order_by(jobs.c.run_at_us, jobs.c.id)
        .limit(1)
        .with_for_update(skip_locked=True)  # SQLite has one writer and needs no such clause: it is left out
    )
    statement = update(jobs).where(jobs.c.id == due.scalar_subquery(), jobs.c.state == "queued")
    return _lease(connection, statement, owner)


def list_due(connection: Connection, now_us: int, kind: str, most: int) -> list[tuple[int, dict[str, Any]]]:
    """Return number and payload of the jobs of a kind that may be leased now, in the order of their turn."""
    due = (
        select(jobs.c.id, jobs.c.payload)
        .where(jobs.c.state == "queued", jobs.c.run_at_us <= now_us, jobs.c.kind == kind)
        .order_by(jobs.c.run_at_us, jobs.c.id)
        .limit(most)
    )
    return [(job_id, json.loads(payload)) for job_id, payload in connection.execute(due)]


def claim_one(connection: Connection, owner: str, job_id: int) -> Lease | None:
    """Lease a certain job; None where it waits no more."""
    return _lease(connection, update(jobs).where(jobs.c.id == job_id, jobs.c.state == "queued"), owner)


def release(connection: Connection, lease: Lease) -> bool:
    """Give a job back that was not begun; another that waits for the same takes its place."""
    waits = select(jobs.c.id).where(
        jobs.c.kind == lease.kind, jobs.c.key == lease.key, jobs.c.state == "queued"
    )
    if connection.execute(waits).first() is not None:
        return connection.execute(update(jobs).where(*_held(lease)).values(state="done")).rowcount == 1
    values = {"state": "queued", "tries": jobs.c.tries - 1}
    return connection.execute(update(jobs).where(*_held(lease)).values(**values)).rowcount == 1


def take_over(connection: Connection, owner: str, job_id: int, token: int, beat: int) -> Lease | None:
    """Lease a running job whose holder has stopped beating; None where it has moved after all."""
    statement = update(jobs).where(
        jobs.c.id == job_id, jobs.c.state == "running", jobs.c.token == token, jobs.c.beat == beat
    )
    return _lease(connection, statement, owner)


def list_running(connection: Connection) -> list[tuple[int, int, int]]:
    """Return id, token and beat of every running job."""
    query = select(jobs.c.id, jobs.c.token, jobs.c.beat).where(jobs.c.state == "running")
    return [(job_id, token, beat) for job_id, token, beat in connection.execute(query)]


def beat(connection: Connection, lease: Lease) -> bool:
    """Show that the holder lives; tell whether it still holds the job."""
    statement = update(jobs).where(*_held(lease)).values(beat=jobs.c.beat + 1)
    return connection.execute(statement).rowcount == 1


def finish(connection: Connection, lease: Lease, now_us: int) -> bool:
    """Call a job done, or queue it for the next time; False where the lease was lost."""
    statement = update(jobs).where(*_held(lease))
    if lease.every_us is None:
        statement = statement.values(state="done", finished_us=now_us, error="")
    else:
        values = {"run_at_us": now_us + lease.every_us, "finished_us": now_us, "tries": 0, "error": ""}
        statement = statement.values(state="queued", **values)
    return connection.execute(statement).rowcount == 1


def fail(connection: Connection, lease: Lease, error: str, retry_at_us: int | None) -> bool:
    """Note an error; queue the job again, or give it up where no time for that is given."""
    values: dict[str, Any] = {"state": "failed", "error": error[:_SHOWN_ERROR]}
    waits = select(jobs.c.id).where(
        jobs.c.kind == lease.kind, jobs.c.key == lease.key, jobs.c.state == "queued"
    )
    if retry_at_us is not None and connection.execute(waits).first() is None:
        values.update(state="queued", run_at_us=retry_at_us)
    return connection.execute(update(jobs).where(*_held(lease)).values(**values)).rowcount == 1


def is_due(connection: Connection, now_us: int, kinds: Sequence[str]) -> bool:
    """Tell whether a job of these kinds may be leased now."""
    query = select(jobs.c.id).where(
        jobs.c.state == "queued", jobs.c.run_at_us <= now_us, jobs.c.kind.in_(kinds)
    )
    return connection.execute(query.limit(1)).first() is not None


def _held(lease: Lease) -> tuple[Any, ...]:
    """Return the conditions under which a lease is still good."""
    return jobs.c.id == lease.job_id, jobs.c.state == "running", jobs.c.token == lease.token


def _lease(connection: Connection, statement: Any, owner: str) -> Lease | None:
    """Mark the chosen job as ours."""
    ours = statement.values(
        state="running", owner=owner, token=jobs.c.token + 1, beat=0, tries=jobs.c.tries + 1
    ).returning(
        jobs.c.id, jobs.c.kind, jobs.c.key, jobs.c.payload, jobs.c.token, jobs.c.tries, jobs.c.every_us
    )
    row = connection.execute(ours).first()
    if row is None:
        return None
    return Lease(row.id, row.kind, row.key, json.loads(row.payload), row.token, row.tries, row.every_us)
