"""``abplat keys``: make, list, exchange and revoke API keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from abplat.cli import actor, storage_options
from abplat.domain.keys import KINDS

if TYPE_CHECKING:
    from abplat.config import Settings


@click.group(name="keys")
def command() -> None:
    """Make, list, exchange and revoke API keys."""


@command.command()
@click.option("--project", required=True, help="Key of the project.")
@click.option("--kind", required=True, type=click.Choice(KINDS), help="What the key may do.")
@storage_options
def create(settings: Settings, project: str, kind: str) -> None:
    """Make a key and print it: it is shown now and never again."""
    from abplat.clock import system_clock
    from abplat.services import audit, keys
    from abplat.services.platform import open_writers

    with open_writers(settings).begin() as session:
        audit.act_as(session, actor())
        new = keys.create(session, project, kind, now=system_clock())
    click.echo(new.token)
    click.echo("hint: keep it now; only a hash of it is stored", err=True)


@command.command("list")
@click.option("--project", help="Key of the project; all when left out.")
@storage_options
def list_(settings: Settings, project: str | None) -> None:
    """List keys by selector; secrets are not stored."""
    from abplat.clock import format_instant, system_clock
    from abplat.services import keys
    from abplat.services.platform import open_writers

    now = system_clock()
    with open_writers(settings)() as session:
        click.echo("selector          project  kind    created               last used             state")
        for key in keys.list_(session, project):
            used = format_instant(key.last_used_at)[:19] + "Z" if key.last_used_at else "never"
            state = keys.describe(key, now)["state"]
            if key.revoked_at is not None:
                state = f"{state} {format_instant(key.revoked_at)[:19]}Z"
            created = format_instant(key.created_at)[:19] + "Z"
            click.echo(f"{key.selector}  {key.project:<7}  {key.kind:<6}  {created:<20}  {used:<20}  {state}")


@command.command()
@click.argument("selector")
@click.option(
    "--grace", default="1d", show_default=True, help="How long the old key is still good; 0 ends it now."
)
@storage_options
def rotate(settings: Settings, selector: str, grace: str) -> None:
    """Exchange a key for a new one and print it; the old one ends after a while."""
    from abplat.clock import format_instant, system_clock
    from abplat.services import audit, keys
    from abplat.services.platform import open_writers

    with open_writers(settings).begin() as session:
        audit.act_as(session, actor())
        rotated = keys.rotate(session, selector, grace=keys.read_grace(grace), now=system_clock())
        ends = format_instant(rotated.old.revoked_at)[:19] + "Z" if rotated.old.revoked_at else "now"
    click.echo(rotated.new.token)
    click.echo(f"hint: keep it now; only a hash of it is stored. The key {selector} ends {ends}", err=True)


@command.command()
@click.argument("selector")
@storage_options
def revoke(settings: Settings, selector: str) -> None:
    """Make a key useless; a running server follows within two seconds."""
    from abplat.clock import system_clock
    from abplat.services import audit, keys
    from abplat.services.platform import open_writers

    with open_writers(settings).begin() as session:
        audit.act_as(session, actor())
        key = keys.revoke(session, selector, now=system_clock())
    click.echo(f"revoked the {key.kind} key {key.selector} of project {key.project}", err=True)
