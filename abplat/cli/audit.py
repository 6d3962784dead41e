"""``abplat audit``: see that nobody has touched the audit trail."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from abplat.cli import storage_options

if TYPE_CHECKING:
    from abplat.config import Settings
    from abplat.domain.audit_chain import Verification


@click.group(name="audit")
def command() -> None:
    """See that nobody has touched the audit trail."""


@command.command()
@click.option("--project", help="Only this one; all of them without.")
@click.option(
    "--expect", help="Head that was noted earlier, such as on paper; finds a trail that was cut short."
)
@storage_options
def verify(settings: Settings, project: str | None, expect: str | None) -> None:
    """Walk along the chain of every project; exit code 1 where an entry was changed, removed or slipped in."""
    from abplat.services import audit_trail
    from abplat.services.platform import open_writers

    if expect is not None and project is None:
        raise click.UsageError("--expect needs --project: each project has a chain of its own")
    with open_writers(settings)() as session:
        wanted = [project] if project is not None else audit_trail.list_projects(session)
        found = [audit_trail.verify(session, each, expected=expect) for each in wanted]
    for each in found:
        _print(each)
    if not all(each.is_whole for each in found):
        sys.exit(1)


def _print(found: Verification) -> None:
    """Say what was found of one project."""
    state = "whole" if found.is_whole else f"{found.n_faults} faults"
    click.echo(f"{found.project or '(installation)'}  {state}  {found.n_entries} entries  head {found.head}")
    for fault in found.faults:
        click.echo(f"  {fault.code} at {fault.position or '-'}: {fault.message}")
