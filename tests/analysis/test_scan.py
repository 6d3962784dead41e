"""The engine sees the same events as the rows do, and hostile names stay values."""

from __future__ import annotations

import json

import duckdb
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abplat.analysis.journeys import twin
from abplat.analysis.journeys.encode import EventColumns, MaskColumns, encode_masks
from abplat.analysis.journeys.events import EventRow
from abplat.analysis.journeys.journey import Journey
from abplat.analysis.journeys.matcher import match_journeys
from abplat.analysis.journeys.results import describe
from abplat.domain.journeys import JourneyDefinition, parse_journey
from abplat.facts.engines.scan import scan_aliases, scan_exposures, scan_touchpoints

from .journey_strategies import SECOND, definitions, histories
from .test_matcher_properties import EXAMPLES, thorough

COLUMNS = "event_id text, actor text, name text, channel text, props text, ts_us bigint, received_us bigint, batch bigint"
HOSTILE = [
    "o'brien",
    'say "hi"',
    "'; drop table touchpoints; --",
    "back\\slash",
    "a/b~c",
    "new\nline",
    "é✓",
    "$.x",
    "0",
]


def lake(rows: list[EventRow]) -> duckdb.DuckDBPyConnection:
    """Return a connection that holds the rows as touchpoints."""
    connection = duckdb.connect()
    connection.execute(f"create table touchpoints ({COLUMNS})")
    for batch, row in enumerate(rows):
        props = json.dumps(row.props) if row.props else None
        values = [row.id, row.actor, row.name, row.channel, props, row.ts_us, row.received_us, batch]
        connection.execute("insert into touchpoints values (?, ?, ?, ?, ?, ?, ?, ?)", values)
    return connection


def scan(
    definition: JourneyDefinition, rows: list[EventRow], as_of_us: int
) -> tuple[EventColumns, list[str]]:
    """Return event columns read through the engine, and the customer names."""
    with lake(rows) as connection:
        actors = sorted({row.actor for row in rows})
        connection.execute("create table customers (actor text, customer bigint)")
        for code, actor in enumerate(actors):
            connection.execute("insert into customers values (?, ?)", [actor, code])
        sql = scan_touchpoints(definition, as_of_us, customers="customers")
        found = connection.execute(sql).fetchall()
    columns = [np.array(column, object) for column in zip(*found, strict=True)] or [np.empty(0, object)] * 9
    masks = MaskColumns(
        customer=columns[0].astype(np.int64),
        ts=columns[1].astype(np.int64),
        stage_mask=columns[3].astype(np.int64),
        exclude_mask=columns[4].astype(np.int64),
        in_scope=columns[5].astype(bool),
        channel=columns[6],
        value=columns[7] if definition.correlate_by else None,
        captured=columns[8],
        ordered=True,
    )
    return encode_masks(masks, len(actors)), actors


def through_engine(definition: JourneyDefinition, rows: list[EventRow], as_of_us: int) -> list[Journey]:
    """Return the journeys found on what the engine read."""
    events, customers = scan(definition, rows, as_of_us)
    journeys = match_journeys(definition, events, as_of_us, members=True)
    return describe(journeys, definition, events, customers)


@settings(thorough, max_examples=max(EXAMPLES // 5, 40))
@given(definitions(), histories(), st.integers(20, 60))
def test_engine_sees_what_the_rows_say(
    definition: JourneyDefinition, rows: list[EventRow], as_of: int
) -> None:
    """Matchers, snapshot, duplicates and order come out of SQL as out of Python."""
    as_of_us = as_of * SECOND

    assert through_engine(definition, rows, as_of_us) == twin.match_journeys(definition, rows, as_of_us)


@pytest.mark.parametrize("word", HOSTILE)
def test_hostile_names_are_only_values(word: str) -> None:
    """Event, channel, property name and value of any text match themselves and nothing else."""
    matcher = {"event": word, "channel": word, "props": {word: word}}
    stages = [{"key": "a", "match": [matcher]}, {"key": "b", "match": [{"event": "end"}]}]
    definition = parse_journey(
        {"key": "j", "stages": stages, "window": "1d", "correlate_by": word, "scope": [word]},
        require_owner=False,
    )
    rows = [
        EventRow("1", "cust:1", word, 1, 1, word, {word: word}),
        EventRow("2", "cust:1", word, 2, 2, word, {word: "other"}),
        EventRow("3", "cust:1", word, 3, 3, "other", {word: word}),
    ]

    journeys = through_engine(definition, rows, 10)

    assert journeys == twin.match_journeys(definition, rows, 10)
    assert [journey.key for journey in journeys] == [word]


def test_exposures_and_aliases_are_read_as_of_an_instant() -> None:
    """Later facts do not exist, and of two copies the one received first counts."""
    with duckdb.connect() as connection:
        connection.execute(
            "create table exposures as select * from (values ('x', 'cust:1', 'e''s', 'A', null, null, 5, 9, 1), "
            "('x', 'cust:1', 'e''s', 'B', null, null, 5, 7, 2), ('y', 'cust:2', 'e''s', 'A', 'web', null, 5, 99, 1), "
            "('z', 'cust:3', 'other', 'A', 'web', null, 5, 5, 1)) "
            "t(event_id, actor, experiment, variant, channel, reason, ts_us, received_us, batch)"
        )
        connection.execute("alter table exposures add column phase bigint default 2")
        connection.execute("alter table exposures add column sdk text default 'js'")
        connection.execute(
            "create table aliases as select * from (values ('l', 'anon:1', 'cust:1', 'app', 3, 3, 1), "
            "('m', 'anon:2', 'cust:1', null, 30, 30, 1)) t(event_id, a, b, source, ts_us, received_us, batch)"
        )

        assert connection.execute(scan_exposures("e's", 10)).fetchall() == [
            ("x", "cust:1", "B", None, 5, None, 2, "js")
        ]
        assert connection.execute(scan_aliases(10)).fetchall() == [("anon:1", "cust:1", 3, 3, "app")]
