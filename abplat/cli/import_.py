"""``abplat import``: bring in what happened elsewhere."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from abplat.config import Settings
    from abplat.domain.suppression import Suppression
    from abplat.services.imports.maps import Kind

_INTERRUPTED = 130


@click.group(name="import", short_help="Bring in events, exposures or outcomes from CSV or Parquet.")
def command() -> None:
    """Bring in what happened elsewhere, from CSV (plain or gzip) or Parquet.

    A mapping file says which column becomes what; see docs/reference/import.md. Rows that break a
    rule go to FILE.refused.csv with the reason. An interrupted import goes on where it stopped when
    the same command is given again, and a file imported twice adds nothing.
    """


def _register(kind: Kind, summary: str) -> None:
    """Add one kind of import to the group."""

    @command.command(name=kind, short_help=summary, help=summary)
    @click.argument("file", type=click.Path(path_type=Path))
    @click.option(
        "--map", "map_path", type=click.Path(path_type=Path), required=True, help="The mapping file."
    )
    @click.option("--project", required=True, help="Key of the project the facts belong to.")
    @click.option("--data-dir", type=click.Path(path_type=Path), help="Folder of the installation.")
    @click.option(
        "--refused", type=click.Path(path_type=Path), help="Where refused rows go. [FILE.refused.csv]"
    )
    def run(file: Path, map_path: Path, project: str, data_dir: Path | None, refused: Path | None) -> None:
        _run(kind, file, map_path, project, (data_dir, refused))


def _run(
    kind: Kind, file: Path, map_path: Path, project: str, places: tuple[Path | None, Path | None]
) -> None:
    """Run one import with a progress bar on stderr."""
    from dataclasses import replace

    from rich.console import Console
    from rich.progress import Progress

    from abplat.clock import system_clock
    from abplat.config import load_settings
    from abplat.facts.lake import Lake
    from abplat.services.imports.running import ImportOrder, run_import

    data_dir, refused = places
    settings = load_settings()
    settings = settings if data_dir is None else replace(settings, data_dir=data_dir)
    order = ImportOrder(kind=kind, path=file, map_path=map_path, project=project, refused_path=refused)
    order = replace(order, suppression=_require_project(settings, project))
    lake, state_dir = Lake(settings.lake_dir), settings.data_dir.resolve() / "imports"
    bar = Progress(console=Console(stderr=True), transient=True)
    task = bar.add_task(f"importing {file.name}", total=1.0)

    def advance(share: float) -> None:
        # Only now: a wrong file or map is answered with one line and nothing else.
        bar.start()
        bar.update(task, completed=share)

    try:
        result = run_import(order, lake, state_dir, system_clock, advance)
    except KeyboardInterrupt:
        click.echo("stopped; give the same command again and the import goes on from here", err=True)
        sys.exit(_INTERRUPTED)
    finally:
        if bar.live.is_started:
            bar.stop()
    if result.was_done:
        click.echo("this file was imported before, with the same map; nothing was added", err=True)
    click.echo(str(result))
    if result.refused:
        click.echo(f"hint: the refused rows and the reasons are in {order.refused}", err=True)


def _require_project(settings: Settings, project: str) -> Suppression | None:
    """Refuse a project that is not defined, whose facts nobody would see; return whom to leave out."""
    from sqlalchemy.orm import Session

    from abplat.db.engine import make_engine
    from abplat.db.queries import suppression
    from abplat.db.upgrade import upgrade
    from abplat.services import projects

    settings.data_dir.mkdir(parents=True, exist_ok=True)
    engine = make_engine(settings.sql_url, pooled=False)
    upgrade(engine)
    with Session(engine) as session:
        projects.get(session, project)
        found = suppression.read(session.connection(), project)
    engine.dispose()
    return found


_register("events", "Import touchpoints: one event per row.")
_register("exposures", "Import who met which variant: one exposure per row.")
_register("outcomes", "Import results: one unit per row, or counts of a group of units.")
