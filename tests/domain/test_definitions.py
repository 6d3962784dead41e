"""Metrics, layers, keys, identities, the life of an experiment and the catalogue."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abplat.domain import keys
from abplat.domain.catalogue import NOUNS, canonical, check_references, parse_catalogue
from abplat.domain.fields import check_json
from abplat.domain.identities import parse_identification
from abplat.domain.layers import Slot, require_room
from abplat.domain.metrics import parse_metric
from abplat.domain.targeting import fault_of_pattern
from abplat.errors import (
    InvalidInputError,
    LayerFullError,
    NotAuthenticatedError,
)
from tests.conftest import NOW, make_catalogue, make_experiment, make_metric


@pytest.mark.parametrize(
    ("over", "path"),
    [
        ({"kind": "reach"}, "stage"),
        ({"stage": "visit"}, "stage"),
        ({"journey": None}, "journey"),
        ({"kind": "touchpoint"}, "match"),
        ({"measure": "count"}, "measure"),
        ({"match": [{"event": "x"}]}, "match"),
        ({"kind": "touchpoint", "match": [{"event": "x", "channel": [1]}]}, "match[0].channel"),
        ({"kind": "touchpoint", "match": [{"event": "x", "props": {"a": []}}]}, "match[0].props.a"),
        ({"kind": "touchpoint", "match": [{"evnt": "x"}]}, "match[0].evnt"),
        ({"kind": ["completion"]}, "kind"),
        ({"owner": None}, "owner"),
    ],
)
def test_a_faulty_metric_is_refused(over: dict[str, Any], path: str) -> None:
    """Each kind has the parts it needs and no others."""
    with pytest.raises(InvalidInputError) as caught:
        parse_metric(make_metric(**over))

    assert path in {problem.path for problem in caught.value.problems}


def test_less_is_better_for_time_and_effort() -> None:
    """The good direction follows from the kind."""
    assert parse_metric(make_metric(kind="time_to_complete")).direction == "down"


def test_touching_slots_fit_and_overlapping_ones_do_not() -> None:
    """The end of a slot is not part of it."""
    require_room("checkout", Slot(5000, 10_000), {"other": Slot(0, 5000)})
    with pytest.raises(LayerFullError, match="other"):
        require_room("checkout", Slot(4999, 10_000), {"other": Slot(0, 5000)})


@pytest.mark.parametrize("kind", keys.KINDS)
def test_a_new_key_can_be_parsed_and_verified(kind: str) -> None:
    """What is shown once opens what is stored."""
    new = keys.make_key(kind)
    presented = keys.parse_key(new.token)

    assert re.fullmatch(keys.PATTERN, new.token)
    assert presented[:2] == (kind, new.selector)
    assert keys.verify_secret(presented.secret, new.secret_hash)
    assert not keys.verify_secret("0" * 64, new.secret_hash)
    assert presented.secret not in new.secret_hash


@pytest.mark.parametrize("token", ["", "abt_1", "abx_" + "0" * 16 + "_" + "0" * 64, "Bearer", "é"])
def test_what_is_no_key_is_refused_without_being_repeated(token: str) -> None:
    """An error never echoes what may be half a secret."""
    with pytest.raises(NotAuthenticatedError) as caught:
        keys.parse_key(token)

    assert not token or token not in caught.value.message


@given(st.text(alphabet="ab+*?(){}1,|[]^$.\\d", max_size=12))
def test_the_safe_subset_judges_any_text(pattern: str) -> None:
    """A pattern passes only if it compiles; judging it never fails."""
    if pattern and fault_of_pattern(pattern) is None:
        re.compile(pattern)


@given(
    st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists, max_leaves=5)
)
def test_any_json_value_is_judged(value: Any) -> None:
    """Judging a payload never fails."""
    list(check_json(value, "payload"))


@given(
    st.dictionaries(
        st.sampled_from(["key", "title", "variants", "metrics", "slot", "layer", "targeting", "overrides", "alpha"]),
        st.none() | st.integers() | st.text(max_size=3) | st.lists(st.integers(), max_size=3)
        | st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
    )
)  # fmt: skip
def test_odd_experiments_are_refused_not_crashed_on(over: dict[str, Any]) -> None:
    """Any JSON is either read or refused with faults."""
    try:
        canonical("experiments", make_experiment(**over))
    except InvalidInputError as error:
        assert error.problems  # noqa: PT017  # passing is fine, too


def test_canonical_is_stable() -> None:
    """Reading what was written changes nothing, so an export applies as unchanged."""
    for noun in NOUNS:
        for document in make_catalogue()[noun]:
            once = canonical(noun, document)

            assert canonical(noun, once) == once


def test_a_touchpoint_metric_cannot_decide() -> None:
    """R2 and R6: the primary metric is an outcome of the journey."""
    experiment = make_experiment(metrics=[{"metric": "clicks", "role": "primary"}])
    _, entries = parse_catalogue(make_catalogue(experiments=[experiment]))

    assert [problem.code for problem in check_references(entries)] == ["primary_not_of_journey"]


@pytest.mark.parametrize(
    ("over", "code"),
    [
        ({"journey": "sell"}, "unknown_journey"),
        ({"layer": "nowhere"}, "unknown_layer"),
        ({"holdouts": ["nobody"]}, "unknown_holdout"),
        ({"metrics": [{"metric": "nothing", "role": "primary"}]}, "unknown_metric"),
        (
            {"variants": [{"key": "a", "weight": 5000, "payloads": {"tv": 1}}, {"key": "b", "weight": 5000}]},
            "unknown_channel",
        ),
    ],
)
def test_a_reference_to_nothing_is_found(over: dict[str, Any], code: str) -> None:
    """Every reference leads somewhere."""
    _, entries = parse_catalogue(make_catalogue(experiments=[make_experiment(**over)]))

    assert code in {problem.code for problem in check_references(entries)}


def test_a_catalogue_lists_the_faults_of_all_its_parts() -> None:
    """One run shows everything that is wrong with a file."""
    document = make_catalogue(
        layers=[{"key": ""}], channels=[{"key": "web"}, {"key": "web", "title": "W"}], nouns=1
    )
    with pytest.raises(InvalidInputError) as caught:
        parse_catalogue(document)

    paths = {problem.path for problem in caught.value.problems}
    assert {"layers[0].key", "layers[0].title", "channels[0].title", "nouns"} <= paths


@pytest.mark.parametrize(
    ("over", "code"),
    [
        ({"anonymous": "w1"}, "bad_id"),
        ({"anonymous": "anon:" + "x" * 252}, "bad_id"),
        ({"known": "cust:0"}, "blocked_id"),
        ({"known": "anon:w1"}, "same_id"),
        ({"ts": "2026-01-01T00:00:00"}, "naive_timestamp"),
        ({"assignments": {"a b": "x"}}, "bad_key"),
        ({"extra": 1}, "unknown_field"),
        ({"known": 7}, "bad_id"),
    ],
)
def test_a_faulty_identification_is_refused(over: dict[str, Any], code: str) -> None:
    """Ids are typed, different and stand for somebody."""
    with pytest.raises(InvalidInputError) as caught:
        parse_identification({"anonymous": "anon:w1", "known": "cust:7"} | over, NOW)

    assert code in {problem.code for problem in caught.value.problems}


def test_the_same_identification_has_the_same_event_id() -> None:
    """A call repeated after a lost answer is a duplicate, not a second fact."""
    said = {"anonymous": "anon:w1", "known": "cust:7", "ts": "2026-03-04T09:00:00Z"}

    assert parse_identification(said, NOW).id == parse_identification(said, NOW).id
