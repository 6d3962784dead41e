"""``abplat analyse``: analyse an experiment now, and keep the report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from abplat.jobs.context import JobContext


@click.command(name="analyse", short_help="Analyse an experiment now.")
@click.argument("experiment")
@click.option("--project", required=True, help="Key of the project.")
@click.option("--as-of", help="Analyse what was known then, such as 2026-03-01T00:00:00Z. [now]")
@click.option("--data-dir", type=click.Path(path_type=Path), help="Folder of the installation.")
def command(experiment: str, project: str, as_of: str | None, data_dir: Path | None) -> None:
    """Analyse EXPERIMENT as of now, or as of an instant in the past, and keep the report.

    What still waits in the intake is drained first. The same facts, definitions and instant always
    give the same report.
    """
    from sqlalchemy.orm import Session

    from abplat.clock import parse_instant
    from abplat.db.engine import writing
    from abplat.domain.report import encode_report, hash_report
    from abplat.facts.drain import Drain
    from abplat.jobs.analyse import analyse_experiment
    from abplat.services import experiments

    context = _context(data_dir)
    snapshot = parse_instant(as_of, "--as-of") if as_of else context.clock()
    with context.sessions() as session:
        experiments.get(session, project, experiment)
    Drain(context.engine, context.lake).run()
    found = analyse_experiment(context, project, experiment, snapshot)
    with Session(writing(context.engine)) as session, session.begin():
        found.publish(session, context.clock())
    report = found.report
    kept = "; nothing has changed since it was analysed" if found.is_kept else ""
    click.echo(
        f"report {hash_report(encode_report(report))[:16]} as of {report.inputs.as_of}{kept}", err=True
    )
    for verdict in report.verdicts:
        click.echo(f"{verdict.variant}: {verdict.word}. {verdict.sentence} {verdict.why}")
    context.engine.dispose()


def _context(data_dir: Path | None) -> JobContext:
    """Open the installation."""
    from dataclasses import replace

    from abplat.clock import system_clock
    from abplat.config import load_settings
    from abplat.db.engine import make_engine
    from abplat.db.upgrade import upgrade
    from abplat.facts.lake import Lake
    from abplat.jobs.context import JobContext as Context

    settings = load_settings()
    settings = settings if data_dir is None else replace(settings, data_dir=data_dir)
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    engine = make_engine(settings.sql_url)
    upgrade(engine)
    return Context(settings=settings, clock=system_clock, engine=engine, lake=Lake(settings.lake_dir))
