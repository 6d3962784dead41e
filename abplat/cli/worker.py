"""``abplat worker``: drain, compact and analyse, outside of requests."""

from __future__ import annotations

import signal
import sys
import threading
from typing import TYPE_CHECKING

import click

from abplat.cli import storage_options

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from abplat.config import Settings
    from abplat.facts.lake import Lake
    from abplat.jobs.runner import JobResult, Runner


@click.command(name="worker")
@storage_options
@click.option("--once", is_flag=True, help="Drain everything, run the queued jobs, then exit.")
def command(settings: Settings, *, once: bool) -> None:
    """Move events into the lake and run queued analyses."""
    runner = _make_runner(settings)
    if once:
        sys.exit(1 if runner.run_once() else 0)
    stop = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda _number, _frame: stop.set())
    click.echo("the worker is ready", err=True)
    runner.run(stop)
    click.echo("the worker has stopped", err=True)


def _make_runner(settings: Settings) -> Runner:
    """Open database and lake, and mend what a power cut may have left."""
    from abplat.clock import system_clock
    from abplat.db.engine import require_safe_sqlite
    from abplat.facts.drain import Drain
    from abplat.facts.lake import Lake
    from abplat.jobs.context import JobContext
    from abplat.jobs.runner import Runner
    from abplat.services.platform import open_database

    engine = open_database(settings)
    require_safe_sqlite(engine)
    lake = Lake(settings.lake_dir)
    Drain(engine, lake).repair()
    _erase_again(engine, lake)
    return Runner(JobContext(settings, system_clock, engine, lake), on_result=_print)


def _erase_again(engine: Engine, lake: Lake) -> None:
    """Queue the erasure of people whom a database restored from a backup has brought back."""
    from sqlalchemy.orm import Session

    from abplat.db.engine import writing
    from abplat.facts.suppression import reconcile
    from abplat.services import jobs

    for project in lake.projects():
        if reconcile(engine, lake, project):
            with Session(writing(engine)) as session, session.begin():
                jobs.enqueue(session, "erase", {"project": project}, key=project)


def _print(result: JobResult) -> None:
    """Print one line for one job."""
    what = f"{result.kind} {result.key}".strip()
    click.echo(f"{what}: {result.state}, {result.detail or 'nothing to tell'} ({result.seconds:.2f} s)")
