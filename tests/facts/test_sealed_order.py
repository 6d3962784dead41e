"""Sealed rows lie in their order however many there are, and what an earlier abplat sealed stays readable."""

from __future__ import annotations

from typing import Any

import duckdb
import pytest
from arro3.core import Table
from deltalake import write_deltalake

from abplat.analysis.gather import gather_all
from abplat.analysis.snapshot import Snapshot
from abplat.config import Settings
from abplat.facts.actors import ActorBook
from abplat.facts.engines.duckdb import connect
from abplat.facts.lake import Lake
from abplat.facts.sealing import ORDER, seal_project
from abplat.facts.seals import SealedFile, Seals, read_seals, write_seals
from benchmarks import traffic
from tests.analysis.test_engine import flatten

N_EVENTS = 500_000
"""On two days: more than the engine hands over in one batch."""


@pytest.fixture(scope="module", name="lake")
def _lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """Return a lake with large days, sealed by two threads."""
    folder = tmp_path_factory.mktemp("large")
    lake = traffic.make_traffic(folder / "lake", N_EVENTS, n_days=2)
    with connect(Settings(data_dir=folder), threads=2) as connection:
        seal_project(connection, lake, traffic.PROJECT, traffic.AS_OF_US, everything=True)
    return lake


def ask(query: str) -> list[tuple[Any, ...]]:
    """Ask the engine."""
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.execute("SET preserve_insertion_order = true")
        return connection.execute(query).fetchall()


def look(lake: Lake) -> list[dict[str, Any]]:
    """Return all that is gathered."""
    settings = Settings(data_dir=lake.root.parent)
    with Snapshot(lake, traffic.PROJECT, traffic.AS_OF_US, settings) as snapshot:
        return [flatten(found) for found in gather_all(snapshot, traffic.make_plans()[:1])]


@pytest.mark.parametrize("kind", list(ORDER))
def test_a_large_day_lies_in_its_order(lake: Lake, kind: str) -> None:
    """What reads it relies on that."""
    for path in lake.files(traffic.PROJECT, kind):
        key = f"row({ORDER[kind]})"
        after = f"SELECT {key} AS here, lag({key}) OVER () AS before FROM read_parquet('{path}')"

        assert ask(f"SELECT count(*) FROM ({after}) WHERE here < before") == [(0,)]


def test_the_book_says_where_each_id_stands(lake: Lake) -> None:
    """In the order of their names."""
    book = ActorBook(lake.path(traffic.PROJECT, "touchpoint").parent).query()
    turned = "SELECT place, lag(place) OVER (ORDER BY actor) AS before"

    assert ask(f"SELECT count(*) FROM ({turned} FROM ({book})) WHERE place <= before") == [(0,)]


def test_what_an_earlier_abplat_sealed_stays_readable(lake: Lake) -> None:
    """Neither its note nor its book says as much; the same is gathered."""
    wanted = look(lake)
    folder = lake.path(traffic.PROJECT, "touchpoint").parent
    seals = read_seals(folder)
    files = {
        kind: {name: SealedFile(one.replaces, one.has_captured) for name, one in found.items()}
        for kind, found in seals.files.items()
    }
    write_seals(folder, Seals(seals.book, seals.next_code, files))
    with duckdb.connect(config={"threads": 1}) as connection:
        rows = f"SELECT actor, code, known_us, is_suspect FROM ({ActorBook(folder).query()}) ORDER BY hash(actor)"
        old = Table.from_arrow(connection.sql(rows))
    write_deltalake(str(folder / "actors"), old, mode="overwrite", schema_mode="overwrite")

    assert ActorBook(folder).name == seals.book
    assert [strip(one) for one in look(lake)] == [strip(one) for one in wanted]


def strip(found: dict[str, Any]) -> dict[str, Any]:
    """Leave the versions of the tables out."""
    return {path: value for path, value in found.items() if "fact_versions" not in path}
