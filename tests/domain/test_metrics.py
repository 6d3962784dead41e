"""Definitions of metrics and observations: what is refused, and in which words."""

from __future__ import annotations

from typing import Any

import pytest

from abplat.domain.catalogue import (
    METRICS,
    OBSERVATIONS,
    canonical,
    check_references,
    is_new_version,
    parse_catalogue,
)
from abplat.domain.metric_kinds import KINDS_BY_KEY
from abplat.errors import InvalidInputError
from tests.conftest import make_catalogue, make_metric

MATCH = [{"event": "call"}]
WHOLE: dict[str, Any] = {
    "journey": "buy", "stage": "visit", "source": "visit", "target": "purchase", "match": MATCH, "over": MATCH,
    "score": "csat", "property": "topic", "quantile": 0.9, "at_least": 3, "delay": "7d", "window": "7d",
    "parts": [{"metric": "completed", "weight": 2}],
}  # fmt: skip


def make(kind: str, **over: Any) -> dict[str, Any]:
    """Return a definition with what its kind needs."""
    needed = {name: WHOLE[name] for name in KINDS_BY_KEY[kind].needs}
    return {"key": "m", "title": "M", "owner": "Ada", "kind": kind, **needed, **over}


@pytest.mark.parametrize("kind", KINDS_BY_KEY)
def test_every_kind_reads_and_keeps_its_form(kind: str) -> None:
    """With what it needs, and the form it is kept in reads as the same."""
    found = canonical(METRICS, make(kind))

    assert canonical(METRICS, found) == found
    assert found["direction"] == KINDS_BY_KEY[kind].direction


@pytest.mark.parametrize(
    ("kind", "name"), [(key, name) for key, kind in KINDS_BY_KEY.items() for name in kind.needs]
)
def test_what_a_kind_needs_is_asked_for(kind: str, name: str) -> None:
    """By the name of the field, with the way out."""
    with pytest.raises(InvalidInputError) as caught:
        canonical(METRICS, make(kind, **{name: None}))

    assert (name, "required") in {(problem.path, problem.code) for problem in caught.value.problems}


@pytest.mark.parametrize(
    ("kind", "over", "path", "code"),
    [
        ("completion", {"property": "x"}, "property", "not_used"),
        ("count", {"cap": {}}, "cap", "bad_cap"),
        ("count", {"cap": {"at": 5, "quantile": 0.9}}, "cap", "bad_cap"),
        ("count", {"cap": {"quantile": 2}}, "cap.quantile", "bad_number"),
        ("touchpoint", {"cap": {"at": 5}}, "cap", "not_used"),
        ("quantile", {"quantile": 1}, "quantile", "bad_number"),
        ("link_conversion", {"target": "visit"}, "target", "bad_link"),
        ("csat", {"bounds": [5, 1]}, "bounds", "bad_bounds"),
        ("csat", {"measure": "count"}, "measure", "bad_choice"),
        ("composite", {"parts": [{"metric": "completed"}]}, "parts[0].weight", "required"),
        ("threshold", {"at_least": "many"}, "at_least", "bad_number"),
        ("retention", {"delay": "soon"}, "delay", "bad_duration"),
        ("effort", {"margin": 0.1}, "margin", "bad_margin"),
        ("effort", {"nonsense": 1}, "nonsense", "unknown_field"),
    ],
)
def test_faults_are_named_with_their_field(kind: str, over: dict[str, Any], path: str, code: str) -> None:
    """One fault, at its place."""
    with pytest.raises(InvalidInputError) as caught:
        canonical(METRICS, make(kind, **over))

    assert (path, code) in [(problem.path, problem.code) for problem in caught.value.problems]


def test_old_definitions_keep_their_form() -> None:
    """What was stored before there were more kinds is neither changed nor a new version."""
    assert set(canonical(METRICS, make_metric())) == {
        "key", "title", "owner", "kind", "journey", "direction", "stage", "match", "measure",
    }  # fmt: skip


def test_a_version_is_what_is_measured() -> None:
    """Words and the proposed margin make none."""
    before = canonical(METRICS, make("count"))

    assert not is_new_version(
        METRICS, before, canonical(METRICS, make("count", title="N", margin=0.1, scale="relative"))
    )
    assert is_new_version(METRICS, before, canonical(METRICS, make("count", window="2d")))


@pytest.mark.parametrize(
    ("metric", "path", "code"),
    [
        (make("link_rate", target="nowhere"), "metrics[m].target", "unknown_stage"),
        (
            make("composite", parts=[{"metric": "none", "weight": 1}]),
            "metrics[m].parts[0].metric",
            "unknown_metric",
        ),
        (
            make("composite", parts=[{"metric": "slow", "weight": 1}]),
            "metrics[m].parts[0].metric",
            "not_summable",
        ),
    ],
)
def test_references_of_metrics_are_checked(metric: dict[str, Any], path: str, code: str) -> None:
    """Stages of links, parts of composites."""
    slow = make("quantile", key="slow")
    document = make_catalogue(metrics=[*make_catalogue()["metrics"], slow, metric])

    problems = check_references(parse_catalogue(document)[1])

    assert (path, code) in [(problem.path, problem.code) for problem in problems]


def make_observation(**over: Any) -> dict[str, Any]:
    """Return a mystery visit."""
    return {
        "key": "visit-3", "title": "Visit 3", "owner": "Ada", "kind": "mystery_visit", "journey": "buy",
        "observed_from": "2026-03-01T00:00:00Z", "n": 12, "finding": "Staff did not know the new form.", **over,
    }  # fmt: skip


def test_an_observation_keeps_its_form() -> None:
    """And reads back."""
    found = canonical(OBSERVATIONS, make_observation())

    assert canonical(OBSERVATIONS, found) == found
    assert check_references(parse_catalogue(make_catalogue(observations=[found]))[1]) == []


@pytest.mark.parametrize(
    ("over", "path", "code"),
    [
        ({"journey": None}, "journey", "required"),
        ({"finding": None}, "finding", "required"),
        ({"observed_from": "2026-03-01"}, "observed_from", "naive_timestamp"),
        ({"kind": "series", "finding": None}, "points", "required"),
        ({"points": [{"at": "2026-03-01T00:00:00Z", "value": 1}]}, "points", "not_used"),
        ({"variant": "b"}, "variant", "not_used"),
        ({"leaning": "yes"}, "leaning", "bad_choice"),
        ({"n": -1}, "n", "bad_integer"),
    ],
)
def test_faults_of_observations_are_named(over: dict[str, Any], path: str, code: str) -> None:
    """One fault, at its place."""
    with pytest.raises(InvalidInputError) as caught:
        canonical(OBSERVATIONS, make_observation(**over))

    assert (path, code) in [(problem.path, problem.code) for problem in caught.value.problems]


def test_points_of_a_series_stand_in_the_order_of_time() -> None:
    """An external series is read as it is."""
    points = [{"at": f"2026-03-0{day}T00:00:00Z", "value": day} for day in (2, 1)]
    with pytest.raises(InvalidInputError) as caught:
        canonical(OBSERVATIONS, make_observation(kind="series", points=points))

    assert [problem.code for problem in caught.value.problems] == ["bad_order"]
