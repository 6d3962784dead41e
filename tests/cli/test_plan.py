"""``abplat plan``: the same answer as over REST, computed at once."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result
from sqlalchemy.orm import Session

from abplat.cli import main
from abplat.clock import system_clock, to_micros
from abplat.config import Settings
from abplat.facts.lake import Lake
from abplat.facts.rows import TouchpointRow
from abplat.facts.tables import to_table
from abplat.services import catalogue
from abplat.services.platform import open_database
from tests.conftest import make_catalogue

SHARE = ("--kind", "proportion", "--baseline", "0.1")


def run(*words: str) -> Result:
    """Run the command on a terminal of 100 columns."""
    return CliRunner(env={"COLUMNS": "100"}).invoke(main, ["plan", *words])


def test_tables_name_units_weeks_and_assumptions() -> None:
    """The main result first."""
    result = run(*SHARE, "--effect", "0.1", "--per-day", "1000", "--weeks", "3", "--starts-on", "2026-03-02")

    assert result.exit_code == 0, result.output
    assert result.output.startswith("29,498 units are needed: 5 weeks, with the result on 2026-04-06.")
    assert "2026-03-23" in result.output
    assert "Taken for granted" in result.output


@pytest.mark.parametrize("width", ["60", "80", "150"])
def test_tables_fit_the_terminal(width: str) -> None:
    """And say no None."""
    words = [*SHARE, "--effect", "0.1", "--per-day", "1000", "--design", "always_valid", "--units", "100"]
    result = CliRunner(env={"COLUMNS": width}).invoke(main, ["plan", *words])

    assert max(map(len, result.output.splitlines())) <= int(width)
    assert "None" not in result.output


def test_json_is_the_answer_alone() -> None:
    """As REST gives it."""
    answer = json.loads(run(*SHARE, "--effect", "0.1", "--json").stdout)

    assert answer["size"]["n_units"] == 29_498


def test_options_add_to_a_file(tmp_path: Path) -> None:
    """The file's outcome, the option's effect; a part is filled up, not replaced."""
    path = tmp_path / "plan.yaml"
    document = {
        "outcome": {"kind": "mean", "baseline": 20},
        "effect": 0.5,
        "starts_on": date(2026, 3, 2),
    }
    path.write_text(yaml.safe_dump(document))
    answer = json.loads(run("--file", str(path), "--sd", "50", "--effect", "0.1", "--json").stdout)

    assert (answer["test"]["effect"], answer["outcome"]["sd"]) == (0.1, 50)
    assert answer["starts_on"] == "2026-03-02"


def test_lists_are_written_with_commas() -> None:
    """Weights and days."""
    days = ",".join(["100"] * 14)
    answer = json.loads(run(*SHARE, "--weights", "2,1,1", "--new-units-by-day", days, "--json").stdout)

    assert answer["test"]["shares"] == [0.5, 0.25, 0.25]
    assert answer["weeks"][0]["n_units"] == 700


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--weights", "1,x", *SHARE), "weights[1]"),
        (("--kind", "mean"), "outcome.baseline"),
        (("--experiment", "a"), "--project"),
        (("--experiment", "a", "--project", "none"), "project"),
        (("--file", "/nowhere.yaml"), "cannot be read"),
        ((*SHARE, "--effect", "20"), "effect"),
    ],
)
def test_what_is_odd_is_one_line_and_exit_2(tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    """No traceback."""
    result = run(*words, "--data-dir", str(tmp_path / "data"))

    assert result.exit_code == 2
    assert said in result.stderr
    assert "Traceback" not in result.output


def test_history_of_a_project_is_read(tmp_path: Path) -> None:
    """The draft's metric, from touchpoints of the last weeks; what cannot be computed is said."""
    engine = open_database(Settings(data_dir=tmp_path))
    with Session(engine) as session, session.begin():
        catalogue.apply(session, make_catalogue(), now=datetime(2026, 1, 1, tzinfo=UTC))
    engine.dispose()
    words = (
        "--project",
        "shop",
        "--experiment",
        "shorter-form",
        "--effect",
        "0.5",
        "--data-dir",
        str(tmp_path),
    )
    empty = run(*words)
    began = system_clock() - timedelta(days=35)
    rows = [
        TouchpointRow(
            f"e{n}-{name}", f"cust:{n}", name, to_micros(began + timedelta(hours=n)), "web", None, None
        )
        for n in range(600)
        for name in (("visit", "quote", "purchase") if n % 3 == 0 else ("visit",))
    ]
    Lake(tmp_path / "lake").append(
        "shop",
        "touchpoint",
        to_table("touchpoint", rows, [row.ts_us for row in rows]),
        app="test",
        sequence=1,
    )
    answer = json.loads(run(*words, "--json").stdout)

    assert "no_history" in empty.output
    assert answer["outcome"]["baseline"] == pytest.approx(1 / 3, abs=0.01)
    assert answer["history"]["source"] == "first_touchpoints"
    assert answer["run_time"]["maturation_days"] == 7
