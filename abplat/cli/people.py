"""``abplat people``: see who there is, and let somebody in who has lost the way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from abplat.cli import actor, storage_options

if TYPE_CHECKING:
    from abplat.config import Settings


@click.group(name="people")
def command() -> None:
    """See who there is, and make one-time links."""


@command.command("list")
@storage_options
def list_(settings: Settings) -> None:
    """List everybody, by address."""
    from abplat.services import people
    from abplat.services.platform import open_writers

    with open_writers(settings)() as session:
        for each in people.list_users(session):
            rank = "administrator" if each["is_admin"] else "person"
            state = "may not come in" if each["is_disabled"] else "active"
            click.echo(f"{each['email']}  {rank}  {state}")


@command.command()
@click.argument("email")
@click.option("--admin", is_flag=True, help="Also make them an administrator of the installation.")
@storage_options
def link(settings: Settings, email: str, *, admin: bool) -> None:
    """Print a one-time link with which EMAIL chooses a password; who is new is added."""
    from abplat.clock import system_clock
    from abplat.db.queries import users as queries
    from abplat.services import audit, people
    from abplat.services.platform import open_writers

    now = system_clock()
    with open_writers(settings).begin() as session:
        audit.act_as(session, actor())
        user = queries.find_by_email(session, people.read_email(email))
        if user is None:
            user = people.add(session, {"email": email}, now=now, is_admin=admin)
        elif admin:
            people.change_user(session, user.id, {"is_admin": True, "is_disabled": False}, now=now)
        token = people.make_password_link(session, user.id, now=now)
    base = settings.public_url.rstrip("/") or f"http://{settings.host}:{settings.port}"
    click.echo(f"{base}/welcome/{token}")
    click.echo("hint: the link works once, for 24 hours", err=True)
