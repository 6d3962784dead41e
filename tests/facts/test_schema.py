"""Events are judged one by one."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abplat.facts.rows import AliasRow, ExposureRow, ScoreRow, TouchpointRow
from abplat.facts.schema import Limits, judge

RECEIVED_US = 1_767_607_200_000_000  # 2026-01-05T10:00:00Z


def make_event(**over: Any) -> dict[str, Any]:
    """Make a good touchpoint, changed where a test says so."""
    return {
        "kind": "touchpoint",
        "id": "e1",
        "actor": "cust:1",
        "name": "visit",
        "ts": "2026-01-05T10:00:00Z",
        **over,
    }


def nest(depth: int) -> list[Any]:
    """Make a list in a list in a list."""
    return [nest(depth - 1)] if depth else []


def test_judge_makes_a_row_of_every_kind() -> None:
    """Judge makes a row of every kind."""
    common = {"ts": "2026-01-05T11:00:00+01:00"}
    events = [
        make_event(channel="web", value=3, props={"b": 1, "a": [True, None]}),
        {"kind": "exposure", "id": "e2", "actor": "cust:1", "experiment": "x", "variant": "b", **common},
        {
            "kind": "exposure",
            "id": "e5",
            "actor": "cust:1",
            "experiment": "x",
            "variant": "b",
            "cluster": "store:4",
        }
        | common,
        {"kind": "alias", "id": "e3", "a": "anon:w", "b": "cust:1", "source": "login", **common},
        {"kind": "score", "id": "e4", "actor": "cust:1", "name": "nps", "value": 9, **common},
    ]

    rows, refused = judge(events, RECEIVED_US)

    assert refused == []
    assert rows == [
        TouchpointRow("e1", "cust:1", "visit", RECEIVED_US, "web", 3.0, '{"b":1,"a":[true,null]}'),
        ExposureRow("e2", "cust:1", "x", "b", RECEIVED_US),
        ExposureRow("e5", "cust:1", "x", "b", RECEIVED_US, cluster="store:4"),
        AliasRow("e3", "anon:w", "cust:1", RECEIVED_US, "login"),
        ScoreRow("e4", "cust:1", "nps", 9.0, RECEIVED_US),
    ]


@pytest.mark.parametrize(
    ("event", "code"),
    [
        (make_event(ts="2026-01-05T10:00:00"), "naive_timestamp"),
        (make_event(ts="yesterday"), "bad_timestamp"),
        (make_event(ts="2026-01-05T10:00:60Z"), "bad_timestamp"),
        (make_event(ts=5), "bad_type"),
        (make_event(ts="2026-01-06T10:00:01Z"), "in_future"),
        (make_event(kind="click"), "unknown_kind"),
        ({}, "missing_field"),
        ({"kind": "touchpoint", "id": "e"}, "missing_field"),
        (make_event(color="red"), "unknown_field"),
        (make_event(value=True), "bad_type"),
        (make_event(value="3"), "bad_type"),
        (make_event(value=float("nan")), "not_finite"),
        (make_event(value=float("inf")), "not_finite"),
        (make_event(value=10**400), "not_finite"),
        (make_event(props={"a": float("-inf")}), "not_finite"),
        (make_event(props={"a": 2**63}), "number_out_of_range"),
        (make_event(id=""), "empty"),
        (make_event(id="x" * 257), "id_too_long"),
        (make_event(name="x" * 257), "too_long"),
        (make_event(actor="7"), "bad_actor"),
        (make_event(actor="Cust:7"), "bad_actor"),
        (make_event(actor="cust:"), "bad_actor"),
        (make_event(name="a\0b"), "nul_character"),
        (make_event(props={"a": ["\0"]}), "nul_character"),
        (make_event(props={"\0": 1}), "nul_character"),
        (make_event(actor="cust:\ud800"), "lone_surrogate"),
        (make_event(kind="\ud800"), "lone_surrogate"),
        (make_event(props={"\udfff": 1}), "lone_surrogate"),
        (make_event(props={str(n): n for n in range(101)}), "too_many_properties"),
        (make_event(props={"a": "x" * 20_000}), "properties_too_large"),
        (make_event(props={"a": nest(5)}), "too_deep"),
        (make_event(props=[1]), "bad_type"),
        (None, "bad_type"),
        ([], "bad_type"),
    ],
)
def test_judge_refuses_with_a_code(event: object, code: str) -> None:
    """Judge refuses with a code."""
    rows, refused = judge([event], RECEIVED_US)

    assert rows == []
    assert [failure.code for failure in refused] == [code]
    assert "\0" not in refused[0].message + refused[0].body
    (refused[0].message + refused[0].body).encode()


def test_judge_keeps_the_good_beside_the_bad() -> None:
    """Judge keeps the good beside the bad."""
    events = [make_event(id="a"), make_event(id="b", value="much"), make_event(id="c")]

    rows, refused = judge(events, RECEIVED_US)

    assert [row.event_id for row in rows] == ["a", "c"]
    assert [(failure.index, failure.code) for failure in refused] == [(1, "bad_type")]
    assert json.loads(refused[0].body) == events[1]


def test_judge_keeps_a_text_that_only_spells_nul() -> None:
    """Judge keeps a text that only spells nul."""
    rows, refused = judge([make_event(name="\\u0000", props={"a": "\\u0000"})], RECEIVED_US)

    assert refused == []
    assert len(rows) == 1


def test_judge_takes_any_age_unless_told_otherwise() -> None:
    """Judge takes any age unless told otherwise."""
    old = make_event(ts="1999-12-31T23:59:59Z")

    assert len(judge([old], RECEIVED_US)[0]) == 1
    assert judge([old], RECEIVED_US, Limits(late_us=86_400_000_000))[1][0].code == "too_late"


@pytest.mark.parametrize("text", ["\u202eabc", "e\u0301", "\u00e9", "__proto__", "null", "1e5", "🙂", " "])
def test_judge_keeps_ids_as_they_are(text: str) -> None:
    """Judge keeps ids as they are."""
    rows, _ = judge([make_event(id=text, actor=f"cust:{text}")], RECEIVED_US)

    assert (rows[0].event_id, rows[0].actor) == (text, f"cust:{text}")


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None)),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(codec=None)), inner),
)


@given(st.dictionaries(st.sampled_from(["kind", "id", "actor", "name", "ts", "value", "props", "x"]), _JSON))
def test_judge_never_breaks(over: dict[str, Any]) -> None:
    """Judge never breaks."""
    rows, refused = judge([make_event(**over)], RECEIVED_US)

    assert len(rows) + len(refused) == 1
