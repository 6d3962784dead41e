"""``abplat customers``: give a person a copy of all that is kept, or erase it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from abplat.cli import actor, storage_options

if TYPE_CHECKING:
    from abplat.config import Settings


@click.group(name="customers")
def command() -> None:
    """Give a person a copy of all that is kept of them, or erase it."""


@command.command()
@click.argument("typed_id", metavar="ID")
@click.option("--project", required=True, help="Key of the project.")
@click.option("--reason", required=True, help="Why, for the audit trail.")
@storage_options
def export(settings: Settings, typed_id: str, project: str, reason: str) -> None:
    """Print everything that is kept of a person, as JSON."""
    from abplat.services import customers

    with _work(settings, customers.EXPORT, project, {"id": typed_id, "reason": reason}) as (session, taken):
        click.echo(customers.get_copy(session, project, taken["id"]))


@command.command()
@click.argument("typed_id", metavar="ID")
@click.option("--project", required=True, help="Key of the project.")
@click.option("--reason", required=True, help="Why, for the audit trail.")
@click.confirmation_option(prompt="All facts of this person will be gone for good. Erase?")
@storage_options
def erase(settings: Settings, typed_id: str, project: str, reason: str) -> None:
    """Erase a person, everywhere and for good, and print the receipt."""
    from abplat.services import customers

    with _work(settings, customers.ERASE, project, {"id": typed_id, "reason": reason}) as (session, taken):
        done = customers.get(session, project, taken["id"])
    receipt = done["receipt"]
    click.echo(f"receipt {done['id']}: {receipt['ids']} ids")
    for place, rows in sorted(receipt["rows"].items()):
        click.echo(f"  {place:<16} {rows:>9,} rows")
    for name in receipt["still_named_in"]:
        click.echo(f"hint: {name} names the person; change it by hand", err=True)


def _work(settings: Settings, kind: str, project: str, document: dict[str, str]) -> _Done:
    """Take a request and do it here and now; a worker that takes it up as well does no harm."""
    from abplat.clock import system_clock
    from abplat.facts.lake import Lake
    from abplat.jobs.context import JobContext
    from abplat.jobs.registry import find_handler
    from abplat.services import audit, customers, projects
    from abplat.services.platform import open_writers

    writers = open_writers(settings)
    with writers.begin() as session:
        audit.act_as(session, actor())
        projects.get(session, project)
        taken = customers.request(session, project, kind, document, now=system_clock())
    engine = writers.kw["bind"]
    context = JobContext(settings, system_clock, engine, Lake(settings.lake_dir))
    outcome = find_handler(kind)(context, {"project": project, "request": taken["id"]})
    with writers.begin() as session:
        audit.act_as(session, actor())
        if outcome.publish is not None:
            outcome.publish(session)
    return _Done(writers, taken)


class _Done:
    """A session on what was done, for as long as a block lasts."""

    def __init__(self, writers: Any, taken: dict[str, Any]) -> None:
        """Remember the request."""
        self._session, self._taken = writers(), taken

    def __enter__(self) -> tuple[Any, dict[str, Any]]:
        """Return the session and the request."""
        return self._session, self._taken

    def __exit__(self, *_: object) -> None:
        """Let go of the session."""
        self._session.close()
