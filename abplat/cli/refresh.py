"""``abplat refresh``: bring the derived tables up to date now."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from abplat.cli import storage_options

if TYPE_CHECKING:
    from abplat.config import Settings


@click.command(name="refresh", short_help="Bring the derived tables up to date now.")
@click.option("--project", "only", help="Key of the project. [all]")
@click.option("--rebuild", is_flag=True, help="Derive everything anew.")
@storage_options
def command(settings: Settings, only: str | None, *, rebuild: bool) -> None:
    """Derive journeys and counted events from the sealed days, for the experiments that run or have stopped.

    The worker does this after every sealing. It may be interrupted at any moment: what there was before
    stays in use until everything new is written.
    """
    from abplat.clock import system_clock
    from abplat.facts.lake import Lake
    from abplat.jobs.context import JobContext
    from abplat.jobs.refresh import refresh
    from abplat.services.platform import open_database

    engine = open_database(settings)
    context = JobContext(settings, system_clock, engine, Lake(settings.lake_dir))
    try:
        for project in [only] if only else context.lake.projects():
            done = refresh(context, project, rebuild=rebuild, progress=_show)
            said = f"{done.tables} tables refreshed, {done.rows:,} rows" if done.tables else "nothing is new"
            click.echo(f"{project}: {said}{' (anew)' if done.tables and done.is_rebuilt else ''}")
    finally:
        engine.dispose()


def _show(name: str, done: int, total: int) -> None:
    """Say how far it is."""
    if name:
        click.echo(f"{done + 1} of {total}: {name}", err=True)
