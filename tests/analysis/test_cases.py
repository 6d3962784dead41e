"""Case files: all of ours and the shared ones pass, and what differs is shown."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from abplat.analysis.cases import read_file, run_case
from abplat.cli.journeys import command

ROOT = Path(__file__).parents[2]
OWN = sorted((ROOT / "tests" / "cases").glob("*.json"))
SHARED = sorted((ROOT.parent / "shared" / "cases").glob("*.json"))


def all_cases() -> list[Any]:
    """Return every case as a parameter."""
    return [
        pytest.param(case, id=f"{path.stem}-{case['id']}")
        for path in [*OWN, *SHARED]
        for case in json.loads(path.read_text(encoding="utf-8"))["cases"]
    ]


@pytest.mark.parametrize("case", all_cases())
def test_case(case: dict[str, Any]) -> None:
    """Every field is as expected, from the compiled pass and from its twin."""
    assert run_case(case).differences == ()


def run(tmp_path: Path, document: object) -> Result:
    """Run the command on a file that holds the document."""
    path = tmp_path / "cases.json"
    path.write_text(document if isinstance(document, str) else json.dumps(document), encoding="utf-8")
    from abplat.cli import main

    return CliRunner().invoke(main, ["journeys", "test", str(path)])


def first_own_case() -> dict[str, Any]:
    """Return a fresh copy of our first case."""
    return read_file(OWN[0])[0]


def test_command_counts_what_passed() -> None:
    """The closing line, and exit code 0."""
    result = CliRunner().invoke(command, ["test", *map(str, OWN)])

    assert result.exit_code == 0
    assert result.output.splitlines()[-1].endswith(" passed, 0 failed")
    assert int(result.output.split()[0]) >= 45


def test_command_shows_what_differs(tmp_path: Path) -> None:
    """Case, field, expected, got; exit code 1."""
    case = first_own_case()
    case["expect"]["journeys"][0]["touchpoints"] = 99
    case["expect"]["journeys"][0]["colour"] = "red"
    result = run(tmp_path, {"cases": [case]})

    assert result.exit_code == 1
    assert "journeys[0].touchpoints: expected 99, got 4" in result.output
    assert 'journeys[0].colour: expected "red", got "(absent)"' in result.output
    assert result.output.endswith("0 passed, 1 failed\n")


def test_an_unexpected_error_is_a_difference(tmp_path: Path) -> None:
    """The code and the sentence stand in the output."""
    case = first_own_case()
    case["definition"]["window"] = "soon"
    result = run(tmp_path, {"cases": [case]})

    assert result.exit_code == 1
    assert "bad_duration: window: 'soon' is not a duration" in result.output


def test_an_instant_may_be_written_with_any_offset(tmp_path: Path) -> None:
    """10:00Z and 11:00+01:00 are the same."""
    case = first_own_case()
    case["expect"]["journeys"][0]["start"] = "2024-03-04T11:00:00+01:00"

    assert run(tmp_path, {"cases": [case]}).exit_code == 0


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ("{", "is not JSON"),
        ([], 'needs the field "cases"'),
        ({"cases": [], "more": 1}, "more: unknown field"),
        ({"cases": [7]}, "a case is an object"),
        ({"cases": [{"id": "a"}]}, "definition: is missing"),
        ({"cases": [{"id": "a", "kind": "magic", "input": {}, "expect": {"x": 1}}]}, "'magic' is not one of"),
        (
            {"cases": [{"id": "a", "kind": "rmst", "input": {}, "expect": {"x": 1}, "tolerance": -1}]},
            "is not a size",
        ),
        ({"cases": [first_own_case(), first_own_case()]}, "is used twice"),
        ({"cases": [first_own_case() | {"expect": {}}]}, "expects nothing"),
        ({"cases": [first_own_case() | {"expects": {}}]}, "unknown field"),
    ],
)
def test_a_file_of_another_kind_is_refused_in_one_line(
    tmp_path: Path, document: object, message: str
) -> None:
    """Exit code 2 and a sentence that names the place."""
    result = run(tmp_path, document)

    assert result.exit_code == 2
    assert message in result.output
    assert len(result.output.splitlines()) == 1


def test_a_missing_file_is_refused_in_one_line(tmp_path: Path) -> None:
    """No traceback."""
    from abplat.cli import main

    result = CliRunner().invoke(main, ["journeys", "test", str(tmp_path / "none.json")])

    assert result.exit_code == 2
    assert "cannot be read" in result.output
