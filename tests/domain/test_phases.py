"""Phases, schedules, predictions and templates: pure rules."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abplat.domain.catalogue import canonical
from abplat.domain.experiments import parse_experiment
from abplat.domain.phases import Traffic, next_traffic, parse_phase, share_moved
from abplat.domain.templates import parse_template
from abplat.errors import InvalidInputError
from tests.conftest import make_experiment, make_template

UNITS = 20_000


def words(salt: str, unit: int) -> tuple[int, int]:
    """Return split and inclusion bucket by the hash contract."""
    digest = hashlib.md5(f"{salt}:cust:{unit}".encode(), usedforsecurity=False).digest()
    return int.from_bytes(digest[:4], "big") % 10_000, int.from_bytes(digest[4:8], "big") % 10_000


def answer(traffic: Traffic, unit: int) -> str:
    """Decide one unit by hand: control for whoever does not take part."""
    bucket, inclusion = words(traffic.salt, unit)
    if inclusion >= traffic.included:
        return next(iter(traffic.weights))
    bound = 0
    for key, weight in traffic.weights.items():
        bound += weight
        if bucket < bound:
            return key
    raise AssertionError


WEIGHTS = st.integers(1, 9_999).map(lambda first: {"control": first, "treatment": 10_000 - first})


@given(
    old=WEIGHTS, new=WEIGHTS, before=st.integers(0, 10_000), grown=st.integers(0, 10_000), reset=st.booleans()
)
def test_the_share_moved_is_the_share_of_answers_that_differ(
    old: dict[str, int], new: dict[str, int], before: int, grown: int, reset: Any
) -> None:
    """Counted on units by the hash itself."""
    present = Traffic(phase=1, salt="9f2c1a07", weights=old, included=before)
    after = Traffic(
        phase=2,
        salt="77aa01bc" if reset else present.salt,
        weights=new,
        included=grown if reset else max(before, grown),
    )
    units = range(0, UNITS, 10)
    seen = sum(answer(present, unit) != answer(after, unit) for unit in units) / len(units)

    assert share_moved(present, after) == pytest.approx(seen, abs=0.06)


def test_a_phase_keeps_the_salt_unless_it_is_a_reset() -> None:
    """The only way to a new draw."""
    present = Traffic(phase=1, salt="old", weights={"control": 5000, "treatment": 5000}, included=100)
    wider = parse_phase({"included": 200, "reason": "x"}, present)
    reset = parse_phase({"reset": True, "reason": "x"}, present)

    assert next_traffic(present, wider, "new") == Traffic(
        phase=2, salt="old", weights=present.weights, included=200
    )
    assert next_traffic(present, reset, "new") == Traffic(
        phase=2, salt="new", weights=present.weights, included=100
    )


PREDICTION = {"change": "fewer fields", "metric": "completed", "direction": "up", "size": 0.05, "time": "14d"}


def faults(**over: Any) -> set[tuple[str, str]]:
    """Return path and code of every fault of an experiment."""
    with pytest.raises(InvalidInputError) as caught:
        parse_experiment(make_experiment(**over))
    return {(problem.path, problem.code) for problem in caught.value.problems}


@pytest.mark.parametrize(
    ("over", "fault"),
    [
        ({"prediction": {"change": "x"}}, ("prediction.metric", "required")),
        ({"prediction": PREDICTION | {"metric": "other"}}, ("prediction.metric", "unknown_metric")),
        ({"prediction": PREDICTION | {"direction": "sideways"}}, ("prediction.direction", "bad_choice")),
        ({"prediction": PREDICTION | {"size": -1}}, ("prediction.size", "bad_number")),
        ({"prediction": "more sales"}, ("prediction", "not_a_mapping")),
        ({"schedule": {"start_at": "tomorrow"}}, ("schedule.start_at", "bad_timestamp")),
        ({"schedule": {"end_at": "2026-01-01T00:00:00"}}, ("schedule.end_at", "naive_timestamp")),
        (
            {"schedule": {"start_at": "2026-01-02T00:00:00Z", "end_at": "2026-01-01T00:00:00Z"}},
            ("schedule.end_at", "bad_order"),
        ),
        ({"schedule": {"ramp": [{"included": 100}]}}, ("schedule.ramp[0]", "required")),
        (
            {"schedule": {"ramp": [{"included": 0, "hold": "1d"}]}},
            ("schedule.ramp[0].included", "bad_integer"),
        ),
        (
            {"schedule": {"ramp": [{"included": 9, "min_sample": 0}]}},
            ("schedule.ramp[0].min_sample", "bad_integer"),
        ),
        (
            {"schedule": {"ramp": [{"included": 200, "hold": "1d"}, {"included": 100, "hold": "1d"}]}},
            ("schedule.ramp[0].included", "not_growing"),
        ),
        (
            {"included": 500, "schedule": {"ramp": [{"included": 500, "hold": "1d"}]}},
            ("schedule.ramp[0].included", "not_growing"),
        ),
        ({"kind": "analysis_only", "overrides": {"cust:1": "control"}}, ("overrides", "not_used")),
        ({"kind": "analysis_only", "layer": "l"}, ("layer", "not_used")),
    ],
)
def test_a_fault_is_named(over: dict[str, Any], fault: tuple[str, str]) -> None:
    """Each fault has the path of the field and a code."""
    assert fault in faults(**over)


@pytest.mark.parametrize("unit", ["store", "team", "household", "account"])
def test_groups_of_people_can_be_units(unit: str) -> None:
    """They are drawn and analysed as a whole."""
    assert parse_experiment(make_experiment(unit_type=unit)).unit_type == unit


def test_what_is_whole_is_kept_as_it_was_said() -> None:
    """Instants are written in UTC, everything else as it came; reading it again changes nothing."""
    ramp = [{"included": 100, "hold": "1d", "approval": False, "min_sample": None}]
    said = {"start_at": "2026-01-01T01:00:00+01:00", "end_at": None, "ramp": ramp}
    document = canonical("experiments", make_experiment(prediction=PREDICTION, schedule=said))

    assert document["schedule"] == said | {"start_at": "2026-01-01T00:00:00Z"}
    assert document["prediction"] == PREDICTION | {"because": ""}
    assert canonical("experiments", document) == document


@pytest.mark.parametrize(
    ("over", "path"),
    [
        ({"experiment": {"key": "x"}}, "experiment.key"),
        ({"experiment": {"salt": "x"}}, "experiment.salt"),
        ({"experiment": {"alpha": float("nan")}}, "experiment.alpha"),
        ({"max_metrics": 0}, "max_metrics"),
        ({"owner": None}, "owner"),
    ],
)
def test_a_faulty_template_is_refused(over: dict[str, Any], path: str) -> None:
    """It gives fields of an experiment and nothing else."""
    with pytest.raises(InvalidInputError) as caught:
        parse_template(make_template(**over))

    assert path in {problem.path for problem in caught.value.problems}
