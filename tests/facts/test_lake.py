"""The lake keeps what it was given, once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import pytest
from arro3.core import Schema
from deltalake import DeltaTable, write_deltalake

from abplat.config import Settings
from abplat.errors import ConflictError, InvalidInputError
from abplat.facts.durability import log_entry, set_aside_broken
from abplat.facts.engines.duckdb import connect, create_view
from abplat.facts.lake import Lake
from abplat.facts.rows import AliasRow, ExposureRow, Row, ScoreRow, TouchpointRow
from abplat.facts.tables import SCHEMAS, to_table

DAY_US = 86_400_000_000
ROWS: dict[str, Row] = {
    "touchpoint": TouchpointRow("e1", "cust:1", "visit", 3 * DAY_US - 1, "web", 1.5, '{"a":1}'),
    "exposure": ExposureRow("e1", "cust:1", "x", "b", 5, None, "split", "v1", 2, "python/0.1.0"),
    "alias": AliasRow("e1", "anon:w", "cust:1", 5, "login"),
    "score": ScoreRow("e1", "cust:1", "nps", 9.0, 5, "mail"),
}


def append(lake: Lake, sequence: int, *ids: str, received_us: int = 9, batch: int = 0) -> bool:
    """Append touchpoints under a number."""
    rows = [TouchpointRow(event_id, "cust:1", "visit", 5) for event_id in ids]
    table = to_table("touchpoint", rows, [received_us] * len(rows), batch)
    return lake.append("shop", "touchpoint", table, app="test", sequence=sequence)


def view_ids(lake: Lake, tmp_path: Path) -> list[tuple[str, int, int]]:
    """Return id, time of receipt and batch of what the view shows."""
    with connect(Settings(data_dir=tmp_path)) as connection:
        name = create_view(connection, lake, "shop", "touchpoint")
        return connection.execute(f"SELECT event_id, received_us, batch FROM {name} ORDER BY 1").fetchall()


@pytest.mark.parametrize("kind", list(SCHEMAS))
def test_append_keeps_every_column(lake: Lake, kind: str) -> None:
    """Append keeps every column."""
    row = ROWS[kind]
    lake.append("shop", kind, to_table(kind, [row], [7], 4), app="test", sequence=1)

    with duckdb.connect() as connection:
        found = connection.execute(
            "SELECT * FROM read_parquet(?, hive_partitioning = true)", [lake.files("shop", kind)]
        )
        values = dict(zip([column[0] for column in found.description], found.fetchone(), strict=True))
    assert set(values) == set(SCHEMAS[kind].names)
    assert {name: values[name] for name in row.__struct_fields__} == {
        name: getattr(row, name) for name in row.__struct_fields__
    }
    assert (values["received_us"], values["batch"]) == (7, 4)
    assert values["day"].toordinal() - 719_163 == row.ts_us // DAY_US


def test_a_table_older_than_a_column_is_read_and_grows(lake: Lake, tmp_path: Path) -> None:
    """Exposures of before ``sdk`` was told read as null; the next append adds the column."""
    path = lake.path("shop", "exposure")
    path.mkdir(parents=True)
    old = Schema([SCHEMAS["exposure"].field(n) for n in SCHEMAS["exposure"].names if n != "sdk"])
    DeltaTable.create(str(path), old, partition_by=["day"])
    whole = to_table("exposure", [ExposureRow("e0", "cust:1", "x", "b", 5)], [9])
    write_deltalake(str(path), whole.select([n for n in whole.column_names if n != "sdk"]), mode="append")
    settings = Settings(data_dir=tmp_path)

    def read() -> list[tuple[str, str | None]]:
        with connect(settings) as connection:
            create_view(connection, lake, "shop", "exposure")
            return connection.execute("SELECT event_id, sdk FROM exposures ORDER BY 1").fetchall()

    before = read()
    row = ExposureRow("e1", "cust:1", "x", "b", 5, sdk="python/0.1.0")
    lake.append("shop", "exposure", to_table("exposure", [row], [9]), app="test", sequence=1)

    assert before == [("e0", None)]
    assert read() == [("e0", None), ("e1", "python/0.1.0")]


def test_append_passes_over_a_number_it_knows(lake: Lake) -> None:
    """Append passes over a number it knows."""
    assert append(lake, 1, "a")
    assert not append(lake, 1, "b")
    assert append(lake, 2, "c")
    assert len(lake.files("shop", "touchpoint")) == 2


def test_a_stale_handle_cannot_write_the_same_number(lake: Lake) -> None:
    """A stale handle cannot write the same number."""
    append(lake, 1, "a")
    stale = lake.open("shop", "touchpoint")
    append(lake, 2, "b")

    with pytest.raises(ConflictError, match="somebody else"):
        stale.append(to_table("touchpoint", [ROWS["touchpoint"]], [1]), "test", 2)


def test_an_empty_lake_has_no_files_and_no_version(lake: Lake) -> None:
    """An empty lake has no files and no version."""
    assert lake.files("shop", "touchpoints") == []
    assert lake.version("shop", "alias") is None
    assert lake.projects() == []


@pytest.mark.parametrize("project", ["..", ".", "a/b", "", "x" * 65])
def test_a_project_cannot_lead_out_of_the_lake(lake: Lake, project: str) -> None:
    """A project cannot lead out of the lake."""
    with pytest.raises(InvalidInputError, match="is not a key"):
        lake.files(project, "touchpoint")


def test_the_log_holds_no_ids_of_people(lake: Lake) -> None:
    """The log holds no ids of people."""
    append(lake, 1, "a")

    entry = log_entry(lake.path("shop", "touchpoint"), 1).read_text()
    assert "received_us" in entry
    assert "cust:1" not in entry


def test_compact_merges_files_and_keeps_rows(lake: Lake, tmp_path: Path) -> None:
    """Compact merges files and keeps rows."""
    for number in range(1, 6):
        append(lake, number, f"e{number}")

    assert lake.compact("shop", "touchpoint") == 4
    assert len(lake.files("shop", "touchpoint")) == 1
    assert len(view_ids(lake, tmp_path)) == 5
    assert lake.open("shop", "touchpoint").last_sequence("test") == 5
    assert lake.compact("shop", "touchpoint") == 0


def test_checkpoints_keep_numbers_and_rows(lake: Lake, tmp_path: Path) -> None:
    """Checkpoints keep numbers and rows."""
    for number in range(1, 52):
        append(lake, number, f"e{number}")

    assert list((lake.path("shop", "touchpoint") / "_delta_log").glob("*.checkpoint.parquet"))
    assert len(view_ids(lake, tmp_path)) == 51
    assert not append(lake, 51, "again")


@pytest.mark.parametrize("damage", ["empty", "half", "file"])
def test_repair_sets_a_broken_newest_commit_aside(lake: Lake, tmp_path: Path, damage: str) -> None:
    """Repair sets a broken newest commit aside."""
    append(lake, 1, "a")
    append(lake, 2, "b")
    entry = log_entry(lake.path("shop", "touchpoint"), 2)
    if damage == "empty":
        entry.write_bytes(b"")
    elif damage == "half":
        entry.write_bytes(entry.read_bytes()[:-30])
    else:
        newest = max(map(Path, lake.files("shop", "touchpoint")), key=lambda path: path.stat().st_mtime_ns)
        newest.write_bytes(newest.read_bytes()[:-1])

    assert lake.repair("shop", "touchpoint")
    assert [row[0] for row in view_ids(lake, tmp_path)] == ["a"]
    assert append(lake, 2, "b")
    assert [row[0] for row in view_ids(lake, tmp_path)] == ["a", "b"]
    assert not lake.repair("shop", "touchpoint")


def test_repair_leaves_a_table_alone_that_was_never_made(lake: Lake) -> None:
    """Repair leaves a table alone that was never made."""
    assert set_aside_broken(lake.path("shop", "touchpoint")) is None


def test_the_view_shows_the_first_received_of_an_id(lake: Lake, tmp_path: Path) -> None:
    """The view shows the first received of an id."""
    append(lake, 1, "a", "b", received_us=20, batch=1)
    append(lake, 2, "a", "c", received_us=10, batch=2)
    append(lake, 3, "b", received_us=20, batch=3)

    assert view_ids(lake, tmp_path) == [("a", 10, 2), ("b", 20, 1), ("c", 10, 2)]


def test_the_view_of_nothing_has_all_columns(lake: Lake, tmp_path: Path) -> None:
    """The view of nothing has all columns."""
    with connect(Settings(data_dir=tmp_path)) as connection:
        name = create_view(connection, lake, "shop", "score", "answers")
        columns = connection.execute(f"DESCRIBE {name}").fetchall()

    assert [column[0] for column in columns] == SCHEMAS["score"].names
    assert {column[0]: column[1] for column in columns}["value"] == "DOUBLE"


def test_rivals_may_make_the_same_table_at_once(tmp_path: Path) -> None:
    """Each gets the one table, whoever was first."""
    for attempt in range(10):
        lake = Lake(tmp_path / str(attempt))
        with ThreadPoolExecutor(4) as pool:
            tables = list(pool.map(lambda _, lake=lake: lake.open("shop", "touchpoint"), range(4)))
        assert {table.path for table in tables} == {lake.path("shop", "touchpoint")}
        assert append(lake, 1, "e1")


def test_what_is_erased_is_in_no_file_of_the_past(tmp_path: Path) -> None:
    """Not in those either that a compaction has replaced and kept for slow readers."""
    lake = Lake(tmp_path)
    for sequence in range(1, 8):
        append(lake, sequence, f"e{sequence}")
    lake.compact("shop", "touchpoint")
    table = lake.find("shop", "touchpoint")
    assert table is not None
    assert table.erase(["cust:1"], ["actor"]) == 7

    held = [
        duckdb.execute("SELECT count(*) FROM read_parquet(?) WHERE actor = 'cust:1'", [str(path)]).fetchall()
        for path in lake.path("shop", "touchpoint").rglob("day=*/*.parquet")
    ]
    assert sum(rows[0][0] for rows in held) == 0
