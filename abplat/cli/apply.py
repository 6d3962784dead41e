"""``abplat apply``: make the definitions what a file says."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from abplat.cli import actor, storage_options

if TYPE_CHECKING:
    from abplat.config import Settings
    from abplat.services.catalogue import ApplyPlan

_SIGNS = {"create": "+", "update": "~", "unchanged": "="}


@click.command(name="apply")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--dry-run", is_flag=True, help="Print what would change and change nothing.")
@storage_options
def command(settings: Settings, file: Path, *, dry_run: bool) -> None:
    """Create and update what FILE (YAML or JSON) defines: all of it or nothing."""
    from abplat.clock import system_clock
    from abplat.services import audit, catalogue
    from abplat.services.documents import read_document
    from abplat.services.platform import open_writers

    document = read_document(file)
    with open_writers(settings).begin() as session:
        audit.act_as(session, actor())
        done = (
            catalogue.plan(session, document)
            if dry_run
            else catalogue.apply(session, document, now=system_clock())
        )
    _print(done, dry_run=dry_run)


def _print(plan: ApplyPlan, *, dry_run: bool) -> None:
    """Print the differences, then a line that sums them up."""
    for change in plan.changes:
        if change.action != "unchanged":
            click.echo(f"{_SIGNS[change.action]} {change.noun} {change.key}")
        for name, (before, after) in change.fields.items():
            click.echo(f"    {name}: {_short(before)} -> {_short(after)}")
    counts = ", ".join(f"{plan.count(action)} {action}" for action in _SIGNS)
    click.echo(f"project {plan.project}: {counts}{' (nothing written)' if dry_run else ''}", err=True)


def _short(value: object) -> str:
    """Write a value in one line of bounded length."""
    import msgspec

    text = msgspec.json.encode(value).decode()
    return text if len(text) <= 200 else f"{text[:197]}..."
