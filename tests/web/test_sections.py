"""The sections of a report in the terminal and as tables."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from abplat.domain.report import Report, decode_report, encode_report
from abplat.errors import InvalidInputError
from abplat.services.report_parts import METRICS as METRIC_TABLE
from abplat.services.report_parts import PARTS, write_part
from abplat.web.terminal import print_report
from tests.analysis.small_world import make_metric, run_world

METRICS = [
    make_metric("calls", "contacts", match=[{"event": "call"}]),
    make_metric("csat", "csat", score="csat"),
    make_metric("revenue", "value", match=[{"event": "purchase"}]),
    make_metric("visits", "touchpoint", match=[{"event": "visit"}]),
]
SURVEY = {
    "key": "survey", "title": "Exit survey", "owner": "Ada", "kind": "survey", "journey": "buy",
    "observed_from": "2026-03-01T00:00:00Z", "n": 40, "finding": "=The form is short.",
}  # fmt: skip


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """A report of four customers, with a mechanism and an observation."""
    folder: Path = tmp_path_factory.mktemp("sections")
    mechanism = [{"source": "visit", "target": "quote", "moves": "up"}]
    return run_world(folder, METRICS, mechanism=mechanism, observations=[SURVEY])


def test_the_terminal_says_every_section(report: Report) -> None:
    """With its caption."""
    out = io.StringIO()
    print_report(report, "h" * 64, Console(file=out, width=160))

    for words in ("Mechanism, treatment", "Shifted or saved", "revenue by link", "Time on each link", "Answers",
                  "Beside the experiment", "not the effect of changing this link alone", "Observed, not randomised"):  # fmt: skip
        assert words in out.getvalue(), words


@pytest.mark.parametrize("table", [METRIC_TABLE, *PARTS])
def test_every_section_is_a_table(report: Report, table: str) -> None:
    """With a head, and no cell that a spreadsheet would run."""
    lines = write_part(report, table).splitlines()

    assert len(lines) > 1
    assert not any(cell.startswith("=") for line in lines for cell in line.split(","))


def test_an_unknown_table_is_refused(report: Report) -> None:
    """With the tables there are."""
    with pytest.raises(InvalidInputError, match="not one of metrics"):
        write_part(report, "nonsense")


def test_the_sections_read_back(report: Report) -> None:
    """A stored report holds them byte for byte."""
    document = encode_report(report)

    assert encode_report(decode_report(document)) == document
    assert report.observations[0].caption.startswith("Observed, not randomised")
