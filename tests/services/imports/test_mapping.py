"""Rows of foreign files become events as the map says."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from abplat.clock import parse_instant
from abplat.errors import InvalidInputError
from abplat.services.imports.facts import RowMapper
from abplat.services.imports.maps import encode_map, read_map
from abplat.services.imports.reading import hash_file, open_source
from abplat.services.imports.sources import RowRefusedError

EVENTS: dict[str, Any] = {"actor": {"prefix": "cust", "column": "id"}, "name": "what", "ts": "at"}
CSV = "id,what,at\n7,visit,2024-03-04T10:00:00Z\n"


def write(path: Path, document: Any) -> Path:
    """Write a mapping file."""
    path.write_text(yaml.safe_dump(document))
    return path


def map_rows(
    tmp_path: Path, text: str | bytes, document: dict[str, Any], kind: Any = "events"
) -> list[dict[str, Any]]:
    """Return the events that a file and a map give."""
    path = tmp_path / "file.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    parsed = read_map(write(tmp_path / "map.yaml", document), kind)
    source = open_source(path, parsed.delimiter)
    mapper = RowMapper(parsed, source.columns, hash_file(path))
    rows = [row for row in source.rows(0, lambda _share: None) if mapper.keep(row)]
    return [fact.wire for row in rows for fact in mapper.to_facts(row)]


def test_a_row_becomes_a_touchpoint(tmp_path: Path) -> None:
    """The three fields that every event has."""
    [event] = map_rows(tmp_path, CSV, EVENTS)

    assert event["actor"] == "cust:7"
    assert event["name"] == "visit"
    assert event["ts"] == "2024-03-04T10:00:00Z"
    assert event["id"].startswith("imp-")


def test_ids_depend_on_file_and_row_alone(tmp_path: Path) -> None:
    """So that the same file, imported again with another map, adds nothing twice."""
    first = map_rows(tmp_path, CSV, EVENTS)
    second = map_rows(tmp_path, CSV, {**EVENTS, "channel": {"constant": "web"}})

    assert first[0]["id"] == second[0]["id"]


def test_the_first_matching_rule_gives_the_channel(tmp_path: Path) -> None:
    """Rules are read from the top; no rule means no channel."""
    rules = [
        {"column": "what", "pattern": "W_Nabellen*", "then": "phone"},
        {"column": "what", "pattern": "W_*", "then": "backoffice"},
    ]
    text = "id,what,at\n" + "".join(
        f"1,{name},2024-03-04T10:00:00Z\n" for name in ("W_Nabellen x", "W_x", "A_x")
    )

    events = map_rows(tmp_path, text, {**EVENTS, "channel": {"rules": rules}})

    assert [event["channel"] for event in events] == ["phone", "backoffice", None]


@pytest.mark.parametrize(
    ("where", "kept"),
    [
        ({"n": 1}, ["a"]),
        ({"n": [1, 2]}, ["a", "b"]),
        ({"n": {"present": True}}, ["a", "b"]),
        ({"n": {"present": False}}, ["c"]),
        ({"n": 1, "what": "b"}, []),
    ],
)
def test_where_keeps_the_rows_that_count(tmp_path: Path, where: dict[str, Any], kept: list[str]) -> None:
    """A value, one of several, something or nothing."""
    text = "id,what,at,n\n" + "".join(
        f"1,{name},2024-03-04T10:00:00Z,{n}\n" for name, n in zip("abc", ("1", "2", ""), strict=True)
    )

    events = map_rows(tmp_path, text, {**EVENTS, "where": where})

    assert [event["name"] for event in events] == kept


@pytest.mark.parametrize(
    ("ts", "text", "expected"),
    [
        (
            {"column": "at", "format": "%d.%m.%Y %H:%M", "timezone": "Europe/Amsterdam"},
            "31.03.2024 12:00",
            "2024-03-31T10:00:00Z",
        ),
        ({"column": "at", "timezone": "UTC"}, "2024-03-04 10:00:00", "2024-03-04T10:00:00Z"),
        ({"column": "at"}, "2024-03-04T10:00:00.250+01:00", "2024-03-04T09:00:00.250000Z"),
        (
            {"template": "{at}-2014", "format": "%a-%b-%d-%Y", "timezone": "UTC"},
            "Sat-Oct-11",
            "2014-10-11T00:00:00Z",
        ),
    ],
)
def test_instants_are_read_as_the_map_says(
    tmp_path: Path, ts: dict[str, str], text: str, expected: str
) -> None:
    """Format, zone, template."""
    [event] = map_rows(tmp_path, f"id,what,at\n7,visit,{text}\n", {**EVENTS, "ts": ts})

    assert parse_instant(event["ts"]) == parse_instant(expected)


@pytest.mark.parametrize(
    ("over", "row", "code"),
    [
        ({"ts": {"column": "at", "timezone": "UTC"}}, "7,visit,yesterday", "bad_timestamp"),
        ({"ts": {"column": "at", "format": "%d.%m.%Y"}}, "7,visit,01.02.2024", "naive_timestamp"),
        ({}, ",visit,2024-03-04T10:00:00Z", "missing_value"),
        ({"value": "what"}, "7,visit,2024-03-04T10:00:00Z", "bad_number"),
        ({"value": "what"}, "7,nan,2024-03-04T10:00:00Z", "bad_number"),
        ({"name": {"column": "what", "map": {"a": "b"}}}, "7,visit,2024-03-04T10:00:00Z", "unmapped_value"),
    ],
)
def test_a_bad_row_is_refused_with_a_code(tmp_path: Path, over: dict[str, Any], row: str, code: str) -> None:
    """The row alone, never the file."""
    with pytest.raises(RowRefusedError) as caught:
        map_rows(tmp_path, f"id,what,at\n{row}\n", {**EVENTS, **over})

    assert caught.value.code == code


@pytest.mark.parametrize(
    ("document", "part"),
    [
        ({**EVENTS, "chanel": "x"}, "chanel: is not a field here"),
        ({"name": "what", "ts": "at"}, "actor: is missing"),
        ({**EVENTS, "actor": {"colum": "id"}}, "actor.colum: is not a field here"),
        ({**EVENTS, "actor": {"prefix": "cust"}}, "needs exactly one of column"),
        ({**EVENTS, "name": "nam"}, "the file has no column 'nam'"),
        ({**EVENTS, "ts": {"column": "at", "timezone": "Mars"}}, "is not a time zone"),
        ({**EVENTS, "where": {"lifecycle": "COMPLETE"}}, "the file has no column 'lifecycle'"),
        ({**EVENTS, "delimiter": ";;"}, "delimiter"),
        ([1], "must be a mapping"),
    ],
)
def test_a_wrong_map_is_one_line_with_the_field(tmp_path: Path, document: Any, part: str) -> None:
    """Field and fix in one line."""
    with pytest.raises(InvalidInputError) as caught:
        map_rows(tmp_path, CSV, document)

    assert part in caught.value.message
    assert "\n" not in caught.value.message


@pytest.mark.parametrize(
    ("content", "part"),
    [
        (b"", "is empty"),
        (b"PK\x03\x04xxxx", "zip archive or a spreadsheet"),
        (b"PAR1 but not really", "is not readable Parquet"),
        (b"a,b,a\n1,2,3\n", "two columns named 'a'"),
        (b"\xff\xfe\x00a", "is not UTF-8"),
    ],
)
def test_a_wrong_file_is_refused_at_once(tmp_path: Path, content: bytes, part: str) -> None:
    """Before a single row is read."""
    path = tmp_path / "file"
    path.write_bytes(content)

    with pytest.raises(InvalidInputError) as caught:
        open_source(path)

    assert part in caught.value.message


def test_gzip_is_known_by_its_bytes_and_damage_by_its_end(tmp_path: Path) -> None:
    """A cut file says so, instead of passing for a short one."""
    path = tmp_path / "file.csv"
    whole = gzip.compress(b"id\n" + b"".join(b"%d\n" % number for number in range(5_000)))
    path.write_bytes(whole)
    rows = list(open_source(path).rows(4_990, lambda _share: None))
    path.write_bytes(whole[: len(whole) // 2])

    assert [row.number for row in rows] == list(range(4_991, 5_001))
    with pytest.raises(InvalidInputError, match="is damaged after line"):
        list(open_source(path).rows(0, lambda _share: None))


def test_rows_of_wrong_form_carry_their_problem(tmp_path: Path) -> None:
    """Too few fields, bytes that are no text."""
    path = tmp_path / "file.csv"
    path.write_bytes(b"a,b\n1\n1,\xff\n1,2\n")

    problems = [row.problem for row in open_source(path).rows(0, lambda _share: None)]

    assert problems == ["has 1 fields, the header has 2", "is not UTF-8 text", None]


def test_parquet_gives_the_same_events_as_csv(tmp_path: Path) -> None:
    """Types of Parquet arrive as the texts that the map reads."""
    (tmp_path / "x").mkdir()
    path = tmp_path / "x" / "file.parquet"
    duckdb.sql(
        f"COPY (SELECT 7 AS id, 'visit' AS what, TIMESTAMPTZ '2024-03-04 10:00:00+00' AS at) TO '{path}' (FORMAT parquet)"
    )
    parsed = read_map(write(tmp_path / "map.yaml", EVENTS), "events")
    source = open_source(path)
    mapper = RowMapper(parsed, source.columns, "0" * 64)
    [row] = source.rows(0, lambda _share: None)
    [fact] = mapper.to_facts(row)

    assert fact.wire["actor"] == "cust:7"
    assert parse_instant(fact.wire["ts"]) == parse_instant("2024-03-04T10:00:00Z")


OUTCOMES: dict[str, Any] = {
    "exposure": {
        "experiment": {"constant": "mail"},
        "variant": {"column": "arm", "map": {"A": "control", "B": "treatment"}},
        "ts": {"constant": "2024-03-04T10:00:00Z"},
    },
}


def test_a_unit_with_its_outcomes(tmp_path: Path) -> None:
    """One exposure, then what happened, each after its delay."""
    outcomes = [
        {"name": "visit", "when": "visited", "after": "1h"},
        {"name": "purchase", "when": "bought", "value": "spend", "after": "2h"},
    ]
    text = "arm,visited,bought,spend\nA,1,1,12.5\nB,1,0,0\n"

    events = map_rows(tmp_path, text, {**OUTCOMES, "outcomes": outcomes}, "outcomes")

    assert [event["kind"] for event in events] == [
        "exposure",
        "touchpoint",
        "touchpoint",
        "exposure",
        "touchpoint",
    ]
    assert events[2]["value"] == 12.5
    assert events[2]["ts"] == "2024-03-04T12:00:00Z"
    assert events[0]["actor"] == events[1]["actor"] != events[3]["actor"]
    assert len({event["id"] for event in events}) == 5


def test_counts_of_a_group_are_nested(tmp_path: Path) -> None:
    """Who paid is among those who enrolled."""
    outcomes = [
        {"name": "enrolled", "count": "enrolments", "after": "1d"},
        {"name": "paid", "count": "payments", "after": "14d"},
    ]
    text = "arm,clicks,enrolments,payments\nA,5,3,1\n"

    events = map_rows(tmp_path, text, {**OUTCOMES, "units": "clicks", "outcomes": outcomes}, "outcomes")

    names = [event.get("name", "exposure") for event in events]
    assert (names.count("exposure"), names.count("enrolled"), names.count("paid")) == (5, 3, 1)
    assert next(event["actor"] for event in events if event.get("name") == "paid") == events[0]["actor"]


@pytest.mark.parametrize(
    ("counts", "code"),
    [
        ("5,6", "impossible_count"),
        ("5,x", "bad_number"),
        ("5,1.5", "bad_count"),
        ("9999999,1", "too_many_units"),
    ],
)
def test_impossible_counts_are_refused(tmp_path: Path, counts: str, code: str) -> None:
    """More payments than clicks is a mistake in the file."""
    document = {
        **OUTCOMES,
        "units": "clicks",
        "outcomes": [{"name": "paid", "count": "payments", "after": "1d"}],
    }

    with pytest.raises(RowRefusedError) as caught:
        map_rows(tmp_path, f"arm,clicks,payments\nA,{counts}\n", document, "outcomes")

    assert caught.value.code == code


def test_the_order_of_fields_does_not_change_a_map(tmp_path: Path) -> None:
    """A map is known by what it says."""
    one = read_map(write(tmp_path / "1", EVENTS), "events")
    other = read_map(write(tmp_path / "2", dict(reversed(EVENTS.items()))), "events")

    assert encode_map(one) == encode_map(other)
