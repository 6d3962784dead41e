"""``abplat facts``: write facts to a file for other tools."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from abplat.cli import storage_options

if TYPE_CHECKING:
    from datetime import datetime

    from abplat.config import Settings

_DAY = click.DateTime(["%Y-%m-%d"])


@click.command(name="facts")
@click.argument("kind", type=click.Choice(["touchpoints", "exposures", "aliases", "scores"]))
@click.argument("path", metavar="FILE", type=click.Path(path_type=Path))
@click.option("--project", required=True, help="Key of the project.")
@click.option("--from", "first", type=_DAY, help="First day wanted.")
@click.option("--to", "last", type=_DAY, help="Last day wanted.")
@storage_options
def command(
    settings: Settings, kind: str, path: Path, project: str, first: datetime | None, last: datetime | None
) -> None:
    """Write the facts of KIND to FILE, whose end names the format: .csv, .parquet or .json (one object a line).

    What waits in the intake is not in the lake yet; ``abplat worker --once`` moves it.
    """
    from sqlalchemy.orm import Session

    from abplat.facts.engines.export import Span, export_facts
    from abplat.facts.lake import Lake
    from abplat.services import projects
    from abplat.services.platform import open_database

    engine = open_database(settings)
    with Session(engine) as session:
        projects.get(session, project)
    engine.dispose()
    span = Span(*(day.date().isoformat() if day else None for day in (first, last)))
    n = export_facts(Lake(settings.lake_dir), settings, (project, kind), span, path)
    click.echo(f"{n:,} {kind} written to {path}", err=True)
