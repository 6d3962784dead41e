"""``abplat report``: the same as the page, in the terminal."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result
from rich.console import Console
from sqlalchemy.orm import Session

from abplat.cli import main
from abplat.config import Settings
from abplat.domain.report import Report, encode_report
from abplat.services import catalogue, reports
from abplat.services.platform import open_database
from abplat.web.terminal import print_report
from tests.web import report_factory as factory
from tests.web.definitions import make_definitions

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def shown(report: Report, width: int = 150) -> str:
    """Print a report on a terminal of this width."""
    console = Console(file=io.StringIO(), width=width, highlight=False)
    print_report(report, "ab" * 32, console)
    return console.file.getvalue()  # type: ignore[attr-defined, no-any-return]


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """Make an installation with one experiment and its report."""
    engine = open_database(Settings(data_dir=tmp_path))
    report = factory.make_trap()
    with Session(engine) as session:
        catalogue.apply(session, make_definitions("trap"), now=NOW)
        reports.store(session, report, now=NOW)
        session.commit()
    engine.dispose()
    return tmp_path


def run(data_dir: Path, *words: str) -> Result:
    """Run the command."""
    return CliRunner().invoke(main, ["report", *words, "--data-dir", str(data_dir)])


def test_verdict_comes_before_the_numbers() -> None:
    """What to do first."""
    text = shown(factory.make_trap())

    assert text.index("Do not ship") < text.index("Journey completed") < text.index("Adds to completion")


def test_blocked_report_shows_no_verdict_word() -> None:
    """As on the page."""
    text = shown(factory.make_blocked())

    assert "Not trusted" in text
    assert "Better" not in text


@pytest.mark.parametrize("width", [60, 80, 150])
@pytest.mark.parametrize("make", [factory.make_report, factory.make_empty])
def test_report_fits_the_terminal(make: object, width: int) -> None:
    """And says no None."""
    text = shown(make(), width)  # type: ignore[operator]

    assert max(len(line) for line in text.splitlines()) <= width
    assert "None" not in text


def test_names_cannot_command_the_terminal() -> None:
    """An escape sequence in a title is shown as a mark."""
    report = factory.make_report()
    facts = msgspec.structs.replace(report.experiment, title="\x1b[2J\x9bm[red]gone")
    text = shown(msgspec.structs.replace(report, experiment=facts))

    assert "\x1b" not in text
    assert "[red]gone" in text


def test_report_is_read_from_the_database(data_dir: Path) -> None:
    """Without naming the project, as only one has the key."""
    result = run(data_dir, "trap")

    assert result.exit_code == 0, result.output
    assert "Do not ship: the touchpoint won, the journey lost." in result.output


def test_json_is_the_stored_document(data_dir: Path) -> None:
    """Byte for byte and nothing else on stdout."""
    assert run(data_dir, "trap", "--json").stdout.encode().rstrip(b"\n") == encode_report(factory.make_trap())


def test_csv_is_the_metric_table(data_dir: Path) -> None:
    """With its head line."""
    assert run(data_dir, "trap", "--csv", "--project", "shop").stdout.startswith(
        "project,experiment,as_of,metric"
    )


@pytest.mark.parametrize("words", [("nope",), ("trap", "--project", "other"), ("trap", "--json", "--csv")])
def test_what_cannot_be_shown_is_one_line_and_exit_2(data_dir: Path, words: tuple[str, ...]) -> None:
    """No traceback."""
    result = run(data_dir, *words)

    assert result.exit_code == 2
    assert "Traceback" not in result.output
