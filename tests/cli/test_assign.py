"""``abplat assign``: a file of customers comes back with their variants."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from abplat.cli import main
from abplat.config import Settings
from abplat.db.queries import assignments
from abplat.db.queries.assignments import Entry, Pin
from abplat.domain.components import Join
from abplat.services import components, ledger
from abplat.services.platform import Platform, open_platform
from tests.openfeature.definitions import NOW, define


@pytest.fixture(name="shop")
def _shop(tmp_path: Path) -> Iterator[Platform]:
    """An installation where everything has begun."""
    platform = open_platform(Settings(data_dir=tmp_path / "data"), lambda: NOW)
    with platform.writers.begin() as session:
        define(session)
        connection = session.connection()
        assignments.keep(connection, "shop", [Entry("cust:7", "plain", Pin("treatment", NOW))])
        for known in ("cust:901", "cust:902"):
            components.join(connection, "shop", Join("device:tablet", known, NOW))
        components.join(connection, "shop", Join("anon:w1", "cust:7", NOW))
    yield platform
    platform.close()


def write(path: Path, rows: list[list[str]]) -> Path:
    """Write a CSV file."""
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    path.write_text(text.getvalue(), encoding="utf-8")
    return path


def run(shop: Platform, file: Path, *options: str, experiment: str = "plain") -> Result:
    """Run the command."""
    usual = ["--experiment", experiment, "--project", "shop", "--unit-column", "id"]
    place = ["--data-dir", str(shop.settings.data_dir)]
    return CliRunner().invoke(main, ["assign", str(file), *usual, *place, *options], catch_exceptions=False)


def read(path: Path) -> list[dict[str, str]]:
    """Read what came out."""
    with path.open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


def read_exposures(shop: Platform) -> list[dict[str, object]]:
    """Return the exposures on disk."""
    with shop.engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT body FROM intake WHERE kind = 'exposure'").fetchall()
    return [json.loads(body) for (body,) in rows]


def test_every_row_comes_back_with_its_variant(shop: Platform, tmp_path: Path) -> None:
    """As the evaluator decides, in the order of the file; the ledger's pin holds."""
    rows = [[str(number), f"Ada {number}"] for number in range(500)]
    file, out = write(tmp_path / "in.csv", [["id", "name"], *rows]), tmp_path / "out.csv"
    done = run(shop, file, "--unit-prefix", "cust:", "--out", str(out))
    evaluator = shop.configurations.evaluator("shop")
    found = read(out)

    assert done.exit_code == 0, done.output
    assert [row["id"] for row in found] == [row[0] for row in rows]
    for row in found:
        pin = "treatment" if row["id"] == "7" else None
        alone = evaluator.decide("plain", f"cust:{row['id']}", None, pin)
        assert (row["variant"], row["reason"], row["in_experiment"]) == (alone.variant, alone.reason, "true")
        assert row["bucket"] == ("" if alone.bucket is None else str(alone.bucket))
    assert "in the experiment: control" in done.stderr
    assert "no exposures were recorded" in done.stderr
    assert read_exposures(shop) == []
    assert not list(tmp_path.glob(".*partial"))


def test_standard_output_takes_the_rows(shop: Platform, tmp_path: Path) -> None:
    """And nothing else; words go to standard error."""
    file = tmp_path / "in.csv.gz"
    file.write_bytes(gzip.compress(b'\xef\xbb\xbfid,name\r\ncust:1,"a, b"\r\n'))
    done = run(shop, file)
    (row,) = csv.DictReader(io.StringIO(done.stdout))

    assert (row["id"], row["name"], row["reason"]) == ("cust:1", "a, b", "split")


def test_no_cell_can_run_as_a_formula(shop: Platform, tmp_path: Path) -> None:
    """What a spreadsheet would calculate is disarmed; a telephone number stays one."""
    rows = [
        ["cust:1", "=HYPERLINK(1)", "+49 123 456"],
        ["cust:2", "@SUM(1)", "-12.5"],
        ["=1+1", "\tx", "+cmd|x"],
    ]
    file, out = write(tmp_path / "in.csv", [["id", "name", "phone"], *rows]), tmp_path / "out.csv"
    assert run(shop, file, "--out", str(out)).exit_code == 0
    found = read(out)

    assert [row["name"] for row in found] == ["'=HYPERLINK(1)", "'@SUM(1)", "'\tx"]
    assert [row["phone"] for row in found] == ["+49 123 456", "-12.5", "'+cmd|x"]
    assert found[2]["id"] == "'=1+1"


def test_bad_rows_are_written_and_named(shop: Platform, tmp_path: Path) -> None:
    """A row that cannot be read or has no unit keeps its place and is in no experiment."""
    file, out = tmp_path / "in.csv", tmp_path / "out.csv"
    long = "x" * 257
    file.write_bytes(f"id,name\ncust:1,a\n,b\ncust:3\n{long},c\n".encode() + b"cust:\xff,d\n")
    assert run(shop, file, "--out", str(out)).exit_code == 0

    assert [row["reason"] for row in read(out)] == [
        "split",
        "invalid_unit",
        "unreadable",
        "invalid_unit",
        "unreadable",
    ]
    assert [row["in_experiment"] for row in read(out)] == ["true", "false", "false", "false", "false"]


def test_targeting_reads_the_columns_it_is_given(shop: Platform, tmp_path: Path) -> None:
    """By name and type."""
    file, out = (
        write(tmp_path / "in.csv", [["id", "country"], ["cust:1", "DE"], ["cust:2", "FR"], ["cust:3", ""]]),
        tmp_path / "out.csv",
    )
    without = run(shop, file, "--out", str(out), experiment="targeted")
    assert without.exit_code == 0
    assert {row["reason"] for row in read(out)} == {"not_targeted"}
    assert run(shop, file, "--out", str(out), "--attribute", "country", experiment="targeted").exit_code == 0
    assert [row["reason"] for row in read(out)] == ["split", "not_targeted", "not_targeted"]
    assert run(shop, file, "--attribute", "country:odd", experiment="targeted").exit_code == 2


def test_exposures_are_recorded_once(shop: Platform, tmp_path: Path) -> None:
    """Only for who takes part; the same mailing again adds none, and a unit without a type is named."""
    rows = [["id"], *[[f"cust:{number}"] for number in range(20)], ["untyped"]]
    file = write(tmp_path / "in.csv", rows)
    first = run(shop, file, "--expose", "--channel", "email")
    again = run(shop, file, "--expose", "--channel", "email")
    met = read_exposures(shop)

    assert len(met) == 20
    assert {(row["experiment"], row["channel"]) for row in met} == {("plain", "email")}
    assert {row["reason"] for row in met if row["actor"] == "cust:7"} == {"pinned"}
    assert "20 recorded, 0 were there already" in first.stderr
    assert "0 recorded, 20 were there already" in again.stderr
    assert "bad_actor 1" in first.stderr


def test_a_mailing_is_remembered(shop: Platform, tmp_path: Path) -> None:
    """What the mail has shown holds in every channel from now on; without --expose nothing is kept."""
    file = write(tmp_path / "in.csv", [["id"], ["cust:50"], ["anon:w1"], ["device:tablet"], ["anon:null"]])
    assert run(shop, file).exit_code == 0
    with shop.engine.connect() as connection:
        assert ledger.look_up(connection, "shop", ("cust:50",)).pins == {}

    out = tmp_path / "out.csv"
    assert run(shop, file, "--expose", "--channel", "email", "--out", str(out)).exit_code == 0
    first, second, tablet, nobody = read(out)
    assert (second["variant"], second["reason"], tablet["reason"]) == ("treatment", "pinned", "not_targeted")
    assert nobody["in_experiment"] == "true"
    with shop.engine.connect() as connection:
        kept = ledger.look_up(connection, "shop", ("cust:50",)).entries["plain"].pin
        assert (kept.variant, kept.channel) == (first["variant"], "email")
        assert ledger.look_up(connection, "shop", ("anon:null",)).pins == {}
    assert {row["actor"] for row in read_exposures(shop)} == {"cust:50", "cust:7", "anon:null"}


def test_who_is_outside_is_not_exposed(shop: Platform, tmp_path: Path) -> None:
    """A stopped experiment gives control to all and counts nobody."""
    file = write(tmp_path / "in.csv", [["id"], ["cust:1"], ["cust:2"]])
    done = run(shop, file, "--expose", experiment="ended")

    assert "outside it: off 2" in done.stderr
    assert read_exposures(shop) == []


@pytest.mark.parametrize(
    ("rows", "experiment", "words"),
    [
        ([["name"], ["x"]], "plain", "has no column 'id'"),
        ([["id", "variant"], ["x", "y"]], "plain", "has a column 'variant' already"),
        ([["id"], ["x"]], "no-such", "no experiment 'no-such' has started"),
    ],
)
def test_faults_are_named_before_anything_is_written(
    rows: list[list[str]], experiment: str, words: str, shop: Platform, tmp_path: Path
) -> None:
    """One line, exit code 2, no file."""
    out = tmp_path / "out.csv"
    done = run(shop, write(tmp_path / "in.csv", rows), "--out", str(out), experiment=experiment)

    assert done.exit_code == 2
    assert words in done.stderr
    assert not out.exists()


def test_an_unwritable_place_is_named(shop: Platform, tmp_path: Path) -> None:
    """The folder is missing."""
    done = run(
        shop, write(tmp_path / "in.csv", [["id"], ["cust:1"]]), "--out", str(tmp_path / "no" / "out.csv")
    )

    assert done.exit_code == 2
    assert "cannot be written" in done.stderr
