"""An analyst recomputes assignments in SQL, with the expressions that the reference publishes."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import duckdb
import pytest

ROOT = Path(__file__).parents[2]
VECTORS = ROOT / "sdk" / "vectors"
PAGE = ROOT / "docs" / "reference" / "assignment.md"


def load(name: str) -> dict[str, Any]:
    """Read one file of vectors."""
    return json.loads((VECTORS / name).read_text("utf-8"))  # type: ignore[no-any-return]


def published(engine: str, word: int) -> str:
    """Return the expression that the page gives for an engine, for word 0 or 1."""
    found = re.search(rf"^- {engine}: `(.+?)`$", PAGE.read_text("utf-8"), re.MULTILINE)
    assert found is not None, f"the page has no expression for {engine}"
    return found[1].replace(", 1, 8)", f", {word * 8 + 1}, 8)")


def rows_of_decisions() -> list[tuple[str, str, int, str]]:
    """List salt, unit, bucket and variant of every decision that came as far as the split."""
    vectors = load("decisions.json")
    salts = {found["key"]: found["salt"] for found in vectors["config"]["experiments"]}
    found = [(salts.get(case["key"], ""), case["expected"]) for case in vectors["cases"]]
    return [(salt, e["unit"], e["bucket"], e["variant"]) for salt, e in found if e["reason"] == "split"]


@pytest.mark.parametrize("word", [0, 1])
def test_duckdb_recomputes_every_hash(word: int) -> None:
    """DuckDB agrees on every vector, hostile units included."""
    connection = duckdb.connect()
    query = f"SELECT {published('DuckDB', word)} FROM (SELECT ? AS salt, ? AS unit)"
    for case in load("hashes.json")["cases"]:
        assert connection.execute(query, [case["salt"], case["unit"]]).fetchall() == [(case[f"word{word}"],)]


def test_duckdb_recomputes_every_bucket() -> None:
    """The bucket of a decision is the word modulo 10000."""
    connection = duckdb.connect()
    rows = rows_of_decisions()
    query = f"SELECT {published('DuckDB', 0)} % 10000 FROM (SELECT ? AS salt, ? AS unit)"

    assert len(rows) > 150
    for salt, unit, bucket, _ in rows:
        assert connection.execute(query, [salt, unit]).fetchall() == [(bucket,)]


def test_duckdb_recomputes_the_variants_of_a_table() -> None:
    """The worked query of the page gives the split of a whole table."""
    found = re.search(r"```sql\n(.+?)```", PAGE.read_text("utf-8"), re.DOTALL)
    assert found is not None
    connection = duckdb.connect()
    connection.execute("CREATE TABLE customers AS SELECT 'cust:' || n AS unit FROM range(20000) AS t (n)")
    from abplat_sdk import compile_config

    document = load("decisions.json")["config"]
    ramp = next(found for found in document["experiments"] if found["key"] == "ramp-20")
    evaluator = compile_config({**document, "experiments": [{**ramp, "salt": "9f2c1a07"}]})
    rows = connection.execute(found[1]).fetchall()

    assert len(rows) == 20_000
    for unit, variant in rows:
        decision = evaluator.decide("ramp-20", unit)
        assert variant == (decision.variant if decision.in_experiment else None)


@pytest.mark.skipif("ABPLAT_TEST_POSTGRES" not in os.environ, reason="no PostgreSQL was named")
@pytest.mark.parametrize("word", [0, 1])
def test_postgresql_recomputes_every_hash(word: int) -> None:
    """PostgreSQL agrees on every vector but those with NUL, which it cannot hold."""
    import psycopg

    url = os.environ["ABPLAT_TEST_POSTGRES"].replace("postgresql+psycopg://", "postgresql://")
    query = f"SELECT {published('PostgreSQL', word)} FROM (SELECT %s::text AS salt, %s::text AS unit) AS t"
    with psycopg.connect(url) as connection:
        for case in load("hashes.json")["cases"]:
            if "\0" not in case["unit"]:
                found = connection.execute(query, [case["salt"], case["unit"]]).fetchall()  # type: ignore[arg-type]
                assert found == [(case[f"word{word}"],)]
