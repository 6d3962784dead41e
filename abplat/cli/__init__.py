"""The command line: one file per command, loaded only when it is called."""

from __future__ import annotations

import getpass
import importlib
import pkgutil
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from abplat import __version__
from abplat.errors import AbplatError

if TYPE_CHECKING:
    from abplat.config import Settings


class LazyGroup(click.Group):
    """A group that finds its commands in the modules of this package.

    ``abplat --help`` must stay quick, so a command's module is imported only when it is asked
    for by name; listing the commands reads the folder.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click names it
        """Return the names of all commands."""
        names = (module.name for module in pkgutil.iter_modules(__path__))
        return sorted(name.rstrip("_") for name in names if name != "__main__")

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command of a name, or None where there is none."""
        if cmd_name not in self.list_commands(ctx):
            return None
        # "import" is a word of the language, so its module carries an underscore.
        name = f"{cmd_name}_" if cmd_name == "import" else cmd_name
        command: click.Command = importlib.import_module(f"{__name__}.{name}").command
        return command

    def invoke(self, ctx: click.Context) -> object:
        """Run the command; an error of ours becomes one line and exit code 2."""
        try:
            return super().invoke(ctx)
        except AbplatError as error:
            click.echo(f"error: {error.message}", err=True)
            for problem in error.problems:
                if len(error.problems) > 1 or problem.message not in error.message:
                    click.echo(f"hint: {problem.path}: {problem.message}", err=True)
            sys.exit(2)


@click.group(cls=LazyGroup)
@click.version_option(__version__, prog_name="abplat")
def main() -> None:
    """Judge a change by what it does to the customer's whole journey."""


def storage_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--data-dir`` and ``--database-url`` to a command, which is then given ``settings``."""

    @click.option(
        "--data-dir", type=click.Path(path_type=Path), help="Folder of the SQLite file and the lake."
    )
    @click.option("--database-url", help="Database to use instead of the SQLite file.")
    @wraps(function)
    def command(data_dir: Path | None, database_url: str | None, **options: Any) -> Any:
        """Read the settings, then run the command."""
        return function(settings=read_settings(data_dir=data_dir, database_url=database_url), **options)

    return command


def read_settings(**given: Any) -> Settings:
    """Return the settings of the environment, with what the command line says instead."""
    from abplat.config import load_settings  # --help needs no settings

    return replace(load_settings(), **{name: value for name, value in given.items() if value is not None})


def actor() -> str:
    """Return who works at the command line, for the audit trail."""
    try:
        return f"cli:{getpass.getuser()}"[:100]
    except (KeyError, OSError):
        return "cli:unknown"
