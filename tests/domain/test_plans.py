"""Requests for plans: what is odd is named with its field and its remedy, all at once."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from abplat.domain.plans import parse_plan_request
from abplat.errors import InvalidInputError

SHARE = {"kind": "proportion", "baseline": 0.1}
TIME = {"kind": "time_to_complete", "completed": 0.3}


def faults(document: Any) -> dict[str, str]:
    """Return the code of each faulty field."""
    with pytest.raises(InvalidInputError) as caught:
        parse_plan_request(document)
    return {problem.path: problem.code for problem in caught.value.problems}


def test_defaults_are_those_of_a_plain_test() -> None:
    """Two arms, read once, 80 % power, twelve weeks."""
    request = parse_plan_request({"outcome": SHARE})

    assert (request.power, request.scale, request.weeks, request.allocation) == (0.8, "relative", 12, "equal")
    assert (request.monitoring.kind, request.monitoring.looks) == ("fixed", 1)
    assert not request.needs_project


def test_monitoring_may_be_a_word() -> None:
    """Its looks have a default."""
    assert parse_plan_request({"outcome": SHARE, "monitoring": "group_sequential"}).monitoring.looks == 5
    assert (
        parse_plan_request({"outcome": SHARE, "monitoring": {"kind": "always_valid"}}).monitoring.looks == 14
    )


def test_a_day_may_come_from_yaml() -> None:
    """YAML reads a plain day as one."""
    day = date(2026, 3, 2)

    assert parse_plan_request({"outcome": SHARE, "starts_on": day}).starts_on == day
    assert parse_plan_request({"outcome": SHARE, "starts_on": "2026-03-02"}).starts_on == day


def test_all_faults_are_listed_at_once() -> None:
    """A person who mends a file wants the whole list."""
    document = {
        "outcome": {"kind": "mean", "baseline": "x", "sd": -1, "colour": 1},
        "alpha": 0.7,
        "weights": [1, 0],
        "zz": 1,
    }

    assert faults(document) == {
        "outcome.baseline": "bad_number",
        "outcome.sd": "bad_number",
        "outcome.colour": "unknown_field",
        "alpha": "bad_number",
        "weights[1]": "bad_number",
        "zz": "unknown_field",
    }


@pytest.mark.parametrize(
    ("document", "path", "code"),
    [
        ({}, "outcome", "required"),
        ([], "", "not_a_mapping"),
        ({"outcome": SHARE, "experiment": "a"}, "outcome", "not_used"),
        ({"outcome": SHARE, "question": "equivalence"}, "margin", "required"),
        ({"outcome": SHARE, "question": "superiority", "margin": 0.1}, "margin", "not_used"),
        ({"outcome": SHARE, "question": "equivalence", "margin": 0.1, "effect": 0.2}, "effect", "bad_number"),
        (
            {"outcome": SHARE, "question": "equivalence", "margin": 0.1, "monitoring": {"kind": "always_valid"}},
            "monitoring",
            "not_used",
        ),
        ({"outcome": {"kind": "mean", "baseline": 1, "sd": 1}, "null_variance": "restricted", "margin": 0.1}, "null_variance", "not_used"),
        ({"outcome": SHARE, "as_of": "2026-03-01T00:00:00Z"}, "as_of", "not_used"),
        ({"metric": "m"}, "horizon", "required"),
        ({"metric": "m", "horizon": "999999999w"}, "horizon", "bad_duration"),
        ({"experiment": "a", "journey": "b"}, "journey", "not_used"),
        ({"experiment": "a", "as_of": "2026-03-01"}, "as_of", "naive_timestamp"),
        ({"experiment": "a", "history_of": "b", "entry_event": "c"}, "entry_event", "not_used"),
        ({"experiment": "a", "covariate_correlation": 0.5}, "covariate_correlation", "not_used"),
        ({"outcome": SHARE, "effect": 0}, "effect", "bad_number"),
        ({"outcome": SHARE, "effect": 10}, "effect", "bad_number"),
        ({"outcome": SHARE, "effect": float("nan")}, "effect", "bad_number"),
        ({"outcome": SHARE, "effect": 1e300}, "effect", "bad_number"),
        ({"outcome": SHARE, "effect": -0.2, "scale": "absolute"}, "effect", "bad_number"),
        ({"outcome": {"kind": "mean", "baseline": 0, "sd": 1}}, "outcome.baseline", "zero_baseline"),
        ({"outcome": SHARE, "margin": 0.1, "sides": 2}, "sides", "not_used"),
        ({"outcome": SHARE, "hazard_ratio": 1.2}, "hazard_ratio", "not_used"),
        ({"outcome": TIME}, "horizon", "required"),
        ({"outcome": TIME, "horizon": "7d", "scale": "absolute"}, "scale", "not_used"),
        ({"outcome": TIME, "horizon": "7d", "effect": -1}, "effect", "bad_number"),
        ({"outcome": TIME, "horizon": "7d", "effect": 0.1, "hazard_ratio": 2}, "hazard_ratio", "not_used"),
        ({"outcome": TIME, "horizon": "7d", "hazard_ratio": 1}, "hazard_ratio", "bad_number"),
        (
            {"outcome": TIME, "horizon": "7d", "cluster": {"size": 2, "intraclass_correlation": 0}},
            "cluster",
            "not_used",
        ),
        ({"outcome": {"kind": "time_to_complete"}, "horizon": "7d"}, "outcome.completed", "required"),
        (
            {"outcome": {"kind": "time_to_complete", "survival_by_day": [0.5, 0.6]}, "horizon": "7d"},
            "outcome.survival_by_day[1]",
            "bad_number",
        ),
        (
            {"outcome": {"kind": "time_to_complete", "survival_by_day": [1, 1]}, "horizon": "7d"},
            "outcome.survival_by_day",
            "bad_number",
        ),
        ({"outcome": SHARE, "weights": [1]}, "weights", "bad_length"),
        ({"outcome": SHARE, "weights": [1, 1], "arms": 3}, "arms", "bad_length"),
        ({"outcome": SHARE, "weights": [1, 1], "allocation": "best"}, "allocation", "not_used"),
        ({"outcome": SHARE, "alpha": 0.3, "power": 0.2}, "power", "bad_number"),
        ({"outcome": SHARE, "monitoring": {"looks": 3}}, "monitoring.looks", "not_used"),
        (
            {"outcome": SHARE, "monitoring": {"kind": "always_valid", "spending": "pocock"}},
            "monitoring.spending",
            "not_used",
        ),
        (
            {"outcome": SHARE, "monitoring": {"kind": "group_sequential", "spending": "kim_demets"}},
            "monitoring.parameter",
            "required",
        ),
        (
            {"outcome": SHARE, "monitoring": {"kind": "group_sequential", "parameter": 1}},
            "monitoring.parameter",
            "not_used",
        ),
        ({"outcome": SHARE, "traffic": {"new_units_by_day": [1]}}, "traffic.new_units_by_day", "bad_length"),
        (
            {"outcome": SHARE, "traffic": {"new_units_by_day": [0] * 14}},
            "traffic.new_units_by_day",
            "bad_number",
        ),
        (
            {"outcome": SHARE, "traffic": {"new_units_by_day": [1] * 14, "per_day": 1}},
            "traffic.per_day",
            "not_used",
        ),
        ({"outcome": SHARE, "starts_on": "2026-02-30"}, "starts_on", "bad_date"),
        ({"outcome": SHARE, "starts_on": "9999-12-31"}, "starts_on", "bad_date"),
        ({"experiment": "a", "as_of": "0001-01-01T00:00:00Z"}, "as_of", "bad_date"),
        ({"outcome": SHARE, "n_units": 1.5}, "n_units", "bad_integer"),
        ({"outcome": SHARE, "cluster": {"size": 0}}, "cluster.intraclass_correlation", "required"),
        (
            {
                "outcome": {
                    "kind": "ratio", "numerator_mean": 1, "numerator_sd": 1, "denominator_mean": 0,
                    "denominator_sd": 1, "correlation": 0,
                }
            },
            "outcome.denominator_mean",
            "zero_denominator",
        ),
    ],
)  # fmt: skip
def test_what_is_odd_is_named(document: Any, path: str, code: str) -> None:
    """Field and rule."""
    assert faults(document)[path] == code
