"""abplat journeys: find journeys in events, and try out their definitions."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from abplat.cli import storage_options

if TYPE_CHECKING:
    from abplat.config import Settings


@click.group("journeys")
def command() -> None:
    """Find journeys in events, and try out their definitions."""


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


@command.command("discover")
@click.option("--project", required=True, help="Key of the project.")
@click.option("--since", help="Leave out events before this instant, such as 2026-01-01T00:00:00Z.")
@click.option("--as-of", help="Look at what was known then. [now]")
@click.option("--proposals", default=3, type=click.IntRange(1, 20), help="Journeys to propose at most. [3]")
@click.option("--json", "as_json", is_flag=True, help="Print all that was found as JSON.")
@storage_options
def discover(
    settings: Settings, project: str, since: str | None, as_of: str | None, proposals: int, *, as_json: bool
) -> None:
    """Propose typical journeys of a project from its events, as YAML that abplat apply takes.

    The lines in front say what was found: where customers begin and end, the most frequent paths,
    and events that no registered touchpoint stands for. Edit names, owner, stages and window, then
    apply. What still waits in the intake is drained first.
    """
    import msgspec

    from abplat.cli.discovering import look, write_yaml

    found, title = look(settings, project, since, as_of, proposals)
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(found)))
    else:
        click.echo(write_yaml(found, title), nl=False)


def _show(value: Any) -> str:
    """Write a value as JSON does."""
    import orjson

    return orjson.dumps(value).decode()
