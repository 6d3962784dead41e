"""``abplat export``: print the definitions of a project as the file that would make them again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from abplat.cli import storage_options

if TYPE_CHECKING:
    from abplat.config import Settings


@click.command(name="export")
@click.option("--project", required=True, help="Key of the project.")
@storage_options
def command(settings: Settings, project: str) -> None:
    """Print the definitions of a project in the format of abplat apply."""
    from abplat.services import catalogue
    from abplat.services.documents import write_document
    from abplat.services.platform import open_writers

    with open_writers(settings)() as session:
        document = catalogue.export(session, project)
    click.echo(write_document(document), nl=False)
