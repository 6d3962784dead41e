"""``abplat report``: the result page in the terminal."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from abplat.web.sources import Stored


@click.command(name="report")
@click.argument("key")
@click.option("--project", help="Project of the experiment; not needed where only one has this key.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as it is stored.")
@click.option("--csv", "as_csv", is_flag=True, help="Print the metric table, one row per metric and variant.")
@click.option(
    "--parquet",
    "parquet",
    type=click.Path(path_type=Path),
    help="Write the metric table to this Parquet file.",
)
@click.option(
    "--notebook",
    "notebook",
    type=click.Path(path_type=Path),
    help="Write a notebook that makes the numbers again to this file.",
)
@click.option("--part", default="metrics", help="With --csv: print this section instead of the metric table.")
@click.option("--brief", is_flag=True, help="Print the verdict alone.")
@click.option("--data-dir", type=click.Path(path_type=Path), help="Folder of the SQLite file and the lake.")
@click.option("--database-url", help="Database to use instead of the SQLite file.")
def command(  # noqa: PLR0913 - one parameter an option
    key: str,
    project: str | None,
    data_dir: Path | None,
    database_url: str | None,
    parquet: Path | None,
    notebook: Path | None,
    *,
    part: str,
    as_json: bool,
    as_csv: bool,
    brief: bool,
) -> None:
    """Print the latest report of experiment KEY: the verdict first."""
    if as_json and as_csv:
        raise click.UsageError("--json and --csv exclude each other")
    stored = load(key, project, data_dir, database_url)
    if as_json:
        click.echo(stored.document)
    elif notebook is not None:
        from abplat.services.notebook import write_notebook

        notebook.write_text(write_notebook(stored.report, stored.hash))
        click.echo(f"run {notebook} to make the numbers again", err=True)
    elif parquet is not None:
        from abplat.services.report_parquet import write_parquet

        parquet.write_bytes(write_parquet(stored.report))
        click.echo(f"the metric table of {stored.report.experiment.key} is in {parquet}", err=True)
    elif as_csv:
        from abplat.services.report_parts import write_part

        click.echo(write_part(stored.report, part), nl=False)
    else:
        from abplat.web.terminal import print_report

        print_report(stored.report, stored.hash, brief=brief)


def load(key: str, project: str | None, data_dir: Path | None, database_url: str | None) -> Stored:
    """Read the latest report from the database.

    Raises:
        NotFoundError: If there is no such experiment, or no report of it yet.
        ConflictError: If several projects have an experiment of this key.
    """
    from dataclasses import replace

    from sqlalchemy.orm import Session

    from abplat.config import load_settings
    from abplat.services.platform import open_database

    settings = load_settings()
    if data_dir is not None:
        settings = replace(settings, data_dir=data_dir)
    if database_url is not None:
        settings = replace(settings, database_url=database_url)
    engine = open_database(settings)
    try:
        with Session(engine) as session:
            return _find(session, key, project)
    finally:
        engine.dispose()


def _find(session: object, key: str, project: str | None) -> Stored:
    """Find the one report that is meant."""
    from abplat.errors import ConflictError, NotFoundError
    from abplat.web.sources import ServiceSource

    source = ServiceSource(session)  # type: ignore[arg-type]
    projects = [project] if project else [str(row["key"]) for row in source.list_projects()]
    having = [name for name in projects if any(row["key"] == key for row in source.list_experiments(name))]
    if len(having) > 1:
        raise ConflictError(f"projects {', '.join(having)} have an experiment {key!r}; add --project")
    if not having:
        raise NotFoundError(
            f"there is no experiment {key[:64]!r}" + (f" in project {project!r}" if project else "")
        )
    stored = source.find_report(having[0], key)
    if stored is None:
        raise NotFoundError(
            f"experiment {key!r} has no report yet; start it, send events, and let the worker run"
        )
    return stored
