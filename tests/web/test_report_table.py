"""The CSV of a report: complete, exact, and safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import io

import msgspec
import pytest

from abplat.services.report_table import COLUMNS, list_rows, write_csv
from tests.web import report_factory as factory


def test_every_metric_has_a_row_per_variant() -> None:
    """Control's row has a value and no effect."""
    report = factory.make_report()
    rows = list_rows(report)

    assert len(rows) == sum(len(metric.values) for metric in report.metrics)
    assert rows[0]["is_control"] is True
    assert rows[0]["effect"] is None
    assert rows[1]["decision"] == "ship"


def test_block_takes_the_verdict_out_of_the_table_too() -> None:
    """A spreadsheet must not say more than the page."""
    rows = [row for row in list_rows(factory.make_blocked()) if not row["is_control"]]

    assert {row["verdict"] for row in rows} == {"not_trusted"}
    assert {row["may_ship"] for row in rows} == {False}


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_text_that_looks_like_a_formula_is_defused(start: str) -> None:
    """Also where the text is the title of a metric."""
    report = factory.make_report()
    goal = msgspec.structs.replace(report.metrics[0], title=start + "HYPERLINK()")
    text = write_csv(msgspec.structs.replace(report, metrics=(goal,)))
    row = next(csv.DictReader(io.StringIO(text, newline="")))

    assert row["title"] == "'" + start + "HYPERLINK()"


def test_numbers_survive_and_missing_ones_are_empty() -> None:
    """A negative number is a number, not a formula."""
    report = factory.make_trap()
    rows = list(csv.DictReader(io.StringIO(write_csv(report))))

    assert tuple(rows[0]) == COLUMNS
    assert rows[0]["effect"] == ""
    assert float(rows[1]["effect"]) == report.metrics[0].effects[0].effect
