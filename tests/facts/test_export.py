"""Facts as files: each event once, whole or not at all, in every format."""

from __future__ import annotations

import csv
from pathlib import Path

import duckdb
import pytest
from click.testing import CliRunner

from abplat.cli.facts import command
from abplat.config import Settings
from abplat.errors import InvalidInputError
from abplat.facts.engines.export import Span, export_facts
from abplat.facts.lake import Lake
from abplat.facts.rows import TouchpointRow
from abplat.facts.tables import to_table

DAY_US = 86_400_000_000


@pytest.fixture(name="settings")
def _settings(tmp_path: Path) -> Settings:
    """Return settings with a lake of three days, one event of which came twice."""
    settings = Settings(data_dir=tmp_path / "data")
    lake = Lake(settings.lake_dir)
    for sequence, (event_id, name) in enumerate(
        [("e1", "visit"), ("e2", "=cmd()"), ("e3", "visit"), ("e1", "visit")]
    ):
        rows = [TouchpointRow(event_id, "cust:1", name, int(event_id[1]) * DAY_US, "web", 2.5, '{"a":1}')]
        lake.append(
            "shop", "touchpoint", to_table("touchpoint", rows, [9], 0), app="test", sequence=sequence + 1
        )
    return settings


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".json"])
def test_each_event_is_written_once_in_order(settings: Settings, tmp_path: Path, suffix: str) -> None:
    """In all formats, with every column but those that are ours."""
    path = tmp_path / f"facts{suffix}"
    n = export_facts(Lake(settings.lake_dir), settings, ("shop", "touchpoints"), Span(), path)
    read = {".csv": "read_csv", ".parquet": "read_parquet", ".json": "read_json"}[suffix]
    found = duckdb.execute(f"SELECT event_id, actor, ts_us FROM {read}('{path}')").fetchall()

    assert n == 3
    assert found == [(f"e{day}", "cust:1", day * DAY_US) for day in (1, 2, 3)]
    assert list(tmp_path.glob(".*")) == []


def test_no_text_of_a_csv_is_a_formula(settings: Settings, tmp_path: Path) -> None:
    """A spreadsheet takes it for text."""
    path = tmp_path / "facts.csv"
    export_facts(
        Lake(settings.lake_dir), settings, ("shop", "touchpoint"), Span("1970-01-03", "1970-01-03"), path
    )

    with path.open() as file:
        assert [row["name"] for row in csv.DictReader(file)] == ["'=cmd()"]


def test_another_end_is_refused_and_nothing_written(settings: Settings, tmp_path: Path) -> None:
    """The error names the formats that are written."""
    with pytest.raises(InvalidInputError, match=r"\.parquet"):
        export_facts(
            Lake(settings.lake_dir), settings, ("shop", "touchpoint"), Span(), tmp_path / "facts.xls"
        )
    assert list(tmp_path.glob("*facts*")) == []


def test_the_command_names_a_project_that_is_not_there(settings: Settings, tmp_path: Path) -> None:
    """Before anything is written."""
    arguments = [
        "touchpoints",
        str(tmp_path / "f.csv"),
        "--project",
        "nope",
        "--data-dir",
        str(settings.data_dir),
    ]
    done = CliRunner().invoke(command, arguments)

    assert done.exit_code != 0
    assert not (tmp_path / "f.csv").exists()
