"""``abplat worker``: drain, compact and analyse, outside of requests."""

from __future__ import annotations

import signal
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from abplat.jobs.runner import JobResult, Runner


@click.command(name="worker")
@click.option("--data-dir", type=click.Path(path_type=Path), help="Folder of the SQLite file and the lake.")
@click.option("--database-url", help="Database to use instead of the SQLite file.")
@click.option("--once", is_flag=True, help="Drain everything, run the queued jobs, then exit.")
def command(data_dir: Path | None, database_url: str | None, *, once: bool) -> None:
    """Move events into the lake and run queued analyses."""
    runner = _make_runner(data_dir, database_url)
    if once:
        sys.exit(1 if runner.run_once() else 0)
    stop = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda _number, _frame: stop.set())
    click.echo("worker ready", err=True)
    runner.run(stop)
    click.echo("worker stopped", err=True)


def _make_runner(data_dir: Path | None, database_url: str | None) -> Runner:
    """Open database and lake, and mend what a power cut may have left."""
    from abplat.clock import system_clock
    from abplat.config import load_settings
    from abplat.db.engine import check_database, make_engine, require_safe_sqlite
    from abplat.db.upgrade import upgrade
    from abplat.facts.drain import Drain
    from abplat.facts.lake import Lake
    from abplat.jobs.context import JobContext
    from abplat.jobs.runner import Runner

    settings = load_settings()
    if data_dir is not None:
        settings = replace(settings, data_dir=data_dir)
    if database_url is not None:
        settings = replace(settings, database_url=database_url)
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    engine = make_engine(settings.sql_url)
    require_safe_sqlite(engine)
    check_database(engine)
    upgrade(engine)
    lake = Lake(settings.lake_dir)
    Drain(engine, lake).repair()
    return Runner(JobContext(settings, system_clock, engine, lake), on_result=_print)


def _print(result: JobResult) -> None:
    """Print one line for one job."""
    what = f"{result.kind} {result.key}".strip()
    click.echo(f"{what}: {result.state}, {result.detail or 'nothing to tell'} ({result.seconds:.2f} s)")
