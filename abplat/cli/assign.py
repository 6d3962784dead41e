"""``abplat assign``: write a variant beside every row of a file."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from abplat.cli import storage_options

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import TextIO

    from abplat.config import Settings
    from abplat.services.mailing import Tally


@click.command(name="assign")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--experiment", required=True, help="Key of the experiment.")
@click.option("--unit-column", required=True, help="The column that names the customers.")
@click.option("--unit-prefix", default="", help="What stands before each, such as cust: for bare numbers.")
@click.option("--project", required=True, help="Key of the project.")
@click.option("--out", type=click.Path(path_type=Path), help="Where the rows go; standard output by default.")
@click.option("--channel", help="Channel of the mailing, recorded with exposures.")
@click.option(
    "--attribute",
    "attributes",
    multiple=True,
    metavar="COLUMN[:TYPE]",
    help="A column that targeting looks at; TYPE is text, number or truth.",
)
@click.option("--delimiter", default=",", help="What separates the fields of a CSV file.")
@click.option("--expose", is_flag=True, help="Record that the mailing is sent: an exposure per customer.")
@storage_options
def command(settings: Settings, out: Path | None, attributes: tuple[str, ...], **given: Any) -> None:
    """Assign every row of FILE (CSV, plain or gzip, or Parquet).

    The rows come out as they are, with the columns variant, in_experiment, reason and bucket added. Send
    each customer their variant; whoever is not in the experiment gets control and counts nowhere. The same
    file gives the same variants, and customers keep what they have seen in other channels.
    """
    from abplat.services.mailing import MailingOrder

    order = MailingOrder(path=given.pop("file"), attributes=dict(map(_read_attribute, attributes)), **given)
    tally = _run(settings, order, out)
    click.echo(str(tally), err=True)
    if not order.expose:
        click.echo("hint: no exposures were recorded; give --expose when the mailing is sent", err=True)


def _read_attribute(text: str) -> tuple[str, str]:
    """Read ``COLUMN`` or ``COLUMN:TYPE``."""
    from abplat.services.mailing import TYPES

    name, colon, kind = text.rpartition(":")
    if not colon:
        return text, "text"
    if kind not in TYPES:
        raise click.BadParameter(f"{kind!r} is not a type; the types are {', '.join(TYPES)}")
    return name, kind


def _run(settings: Settings, order: Any, out: Path | None) -> Tally:
    """Assign the file with a progress bar on stderr."""
    from abplat.clock import system_clock
    from abplat.services.mailing import Mailing
    from abplat.services.platform import open_platform

    platform = open_platform(settings)
    try:
        mailing = Mailing(order, platform)
        with _open_output(out) as target, _show_progress(order.path.name) as advance:
            return mailing.run(target, advance, now=system_clock())
    finally:
        platform.close()


@contextmanager
def _open_output(path: Path | None) -> Iterator[TextIO]:
    """Write to a file that appears whole or not at all, or to standard output."""
    from abplat.errors import InvalidInputError

    if path is None:
        sys.stdout.reconfigure(newline="", encoding="utf-8")  # type: ignore[union-attr]  # a real stream here
        yield sys.stdout
        return
    partial = path.with_name(f".{path.name}.partial")
    try:
        with partial.open("w", encoding="utf-8", newline="") as target:
            yield target
        partial.replace(path)
    except OSError as error:
        message = f"cannot be written: {error.strerror}"
        raise InvalidInputError.at(str(path), message, "no_file") from error
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def _show_progress(name: str) -> Iterator[Callable[[float], None]]:
    """Show how far the file is."""
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(f"assigning {name}", total=1.0)
        yield lambda share: bar.update(task, completed=share)
