"""abplat journeys: try out journey definitions."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click


@click.group("journeys")
def command() -> None:
    """Try out journey definitions."""


@command.command("test")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE...")
def test(files: tuple[Path, ...]) -> None:
    """Run case files and print what differs.

    A case holds a definition, some events and what should come of them. Every field of "expect"
    is compared; the exit code is 1 when a case fails. See docs/reference/journeys.md.
    """
    from abplat.analysis.cases import run_file

    results = [result for path in files for result in run_file(path)]
    failed = [result for result in results if not result.passed]
    for result in failed:
        click.echo(f"{result.id} {result.title}".rstrip())
        for difference in result.differences:
            click.echo(
                f"  {difference.path}: expected {_show(difference.expected)}, got {_show(difference.got)}"
            )
    click.echo(f"{len(results) - len(failed)} passed, {len(failed)} failed")
    if failed:
        sys.exit(1)


def _show(value: Any) -> str:
    """Write a value as JSON does."""
    import orjson

    return orjson.dumps(value).decode()
