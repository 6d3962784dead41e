"""An import lands each row once, whatever happens on the way."""

from __future__ import annotations

import csv
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from abplat.errors import ConflictError, InvalidInputError
from abplat.facts.lake import Lake
from abplat.services.imports import landing
from abplat.services.imports.progress import ProgressFile
from abplat.services.imports.running import ImportOrder, ImportResult, run_import

NOW = datetime(2026, 1, 1, tzinfo=UTC)
MAP: dict[str, Any] = {"actor": {"prefix": "cust", "column": "id"}, "name": "what", "ts": "at"}


def make_order(folder: Path, rows: int = 25, bad: int = 0, **over: Any) -> ImportOrder:
    """Write a file and a map."""
    lines = [f"{n},visit,2024-03-0{1 + n % 5}T10:00:00Z" for n in range(rows)] + [
        f"{n},visit,never" for n in range(bad)
    ]
    (folder / "file.csv").write_text("id,what,at\n" + "".join(f"{line}\n" for line in lines))
    (folder / "map.yaml").write_text(yaml.safe_dump({**MAP, **over}))
    return ImportOrder(
        kind="events",
        path=folder / "file.csv",
        map_path=folder / "map.yaml",
        project="shop",
        facts_per_chunk=10,
    )


def run(
    order: ImportOrder, folder: Path, advance: Callable[[float], None] = lambda _share: None
) -> ImportResult:
    """Import into the lake of a folder."""
    return run_import(order, Lake(folder / "lake"), folder / "imports", lambda: NOW, advance)


def read_lake(folder: Path) -> list[tuple[Any, ...]]:
    """Return what the lake holds, doubles and all."""
    files = Lake(folder / "lake").files("shop", "touchpoint")
    query = "SELECT event_id, actor, name, ts_us, received_us FROM read_parquet(?) ORDER BY ALL"
    return duckdb.execute(query, [files]).fetchall() if files else []


def test_all_rows_land_and_the_past_is_received_in_the_past(tmp_path: Path) -> None:
    """What happened in 2024 must be visible to an analysis as of 2024."""
    result = run(make_order(tmp_path), tmp_path)

    rows = read_lake(tmp_path)
    assert str(result) == "imported 25, refused 0, duplicates 0"
    assert len({row[0] for row in rows}) == len(rows) == 25
    assert all(row[3] == row[4] for row in rows)


def test_a_file_imported_again_adds_nothing(tmp_path: Path) -> None:
    """The second run says so."""
    order = make_order(tmp_path)
    run(order, tmp_path)
    again = run(order, tmp_path)

    assert str(again) == "imported 0, refused 0, duplicates 25"
    assert again.was_done
    assert len(read_lake(tmp_path)) == 25


def test_a_corrected_map_brings_in_only_what_was_missing(tmp_path: Path) -> None:
    """Rows refused the first time come in; the others are known by file and row."""
    order = make_order(tmp_path, where={"id": [1, 2, 3]})
    run(order, tmp_path)
    result = run(make_order(tmp_path), tmp_path)

    assert str(result) == "imported 22, refused 0, duplicates 3"
    assert len(read_lake(tmp_path)) == 25


def test_own_ids_are_counted_once(tmp_path: Path) -> None:
    """Within the file and against the lake."""
    order = make_order(tmp_path, id="what")

    assert str(run(order, tmp_path)) == "imported 1, refused 0, duplicates 24"


@pytest.mark.parametrize("step", ["lake", "note"])
@pytest.mark.parametrize("chunk", [1, 2, 3])
def test_an_interrupted_import_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, chunk: int
) -> None:
    """Stopped before the commit to the lake, or between it and the note about it."""
    order = make_order(tmp_path, bad=3)
    owner, name = (landing.Landing, "append") if step == "lake" else (ProgressFile, "save")
    real = getattr(owner, name)
    calls: list[int] = []

    def stop(*args: Any) -> Any:
        calls.append(1)
        if len(calls) == chunk:
            raise KeyboardInterrupt
        return real(*args)

    with monkeypatch.context() as patch:
        patch.setattr(owner, name, stop)
        with pytest.raises(KeyboardInterrupt):
            run(order, tmp_path)
    result = run(order, tmp_path)

    rows = read_lake(tmp_path)
    assert len({row[0] for row in rows}) == len(rows) == 25
    assert result.imported + result.duplicates == 25
    assert result.refused == 3
    assert len(list(csv.DictReader(order.refused.read_text().splitlines()))) == 3


def test_refused_rows_keep_line_code_reason_and_the_row(tmp_path: Path) -> None:
    """So that they can be mended and imported."""
    order = make_order(tmp_path, rows=2, bad=1)
    result = run(order, tmp_path)

    [row] = csv.DictReader(order.refused.read_text().splitlines())
    assert str(result) == "imported 2, refused 1, duplicates 0"
    assert row["line"] == "4"
    assert row["code"] == "bad_timestamp"
    assert "never" in row["reason"]
    assert (row["id"], row["at"]) == ("0", "never")


def test_an_instant_without_an_offset_is_refused(tmp_path: Path) -> None:
    """As it is by the events API."""
    order = make_order(tmp_path, rows=0)
    order.path.write_text("id,what,at\n1,visit,2024-03-04T10:00:00\n")
    run(order, tmp_path)

    [row] = csv.DictReader(order.refused.read_text().splitlines())
    assert row["code"] == "naive_timestamp"


def test_rows_that_the_events_api_would_refuse_are_refused(tmp_path: Path) -> None:
    """One set of rules for all ways in."""
    order = make_order(tmp_path, actor="id")
    result = run(order, tmp_path)

    assert (result.imported, result.refused) == (0, 25)
    assert {row["code"] for row in csv.DictReader(order.refused.read_text().splitlines())} == {"bad_actor"}


def test_a_wrong_map_writes_nothing(tmp_path: Path) -> None:
    """No lake, no refused rows, no note."""
    order = make_order(tmp_path, name="nothing")

    with pytest.raises(InvalidInputError):
        run(order, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file.csv", "map.yaml"]


def test_two_imports_of_one_file_do_not_race(tmp_path: Path) -> None:
    """The second is told to wait."""
    order = make_order(tmp_path)

    def nested(_share: float) -> None:
        run(order, tmp_path)

    big = make_order(tmp_path, rows=4_001)
    with pytest.raises(ConflictError):
        run(big, tmp_path, nested)
