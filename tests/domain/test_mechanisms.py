"""The mechanism of an experiment: which links should move."""

from __future__ import annotations

from typing import Any

import pytest

from abplat.domain.catalogue import EXPERIMENTS, canonical, check_references, parse_catalogue
from abplat.errors import InvalidInputError
from tests.conftest import make_catalogue, make_experiment, make_journey


def link(**over: Any) -> dict[str, Any]:
    """Return the first link of the journey, expected to move up."""
    return {"source": "exposed", "target": make_journey()["stages"][0]["key"], "moves": "up", **over}


def test_a_mechanism_is_kept_and_its_links_are_known() -> None:
    """From one required stage to the next."""
    experiment = make_experiment(mechanism=[link(size=0.1)])
    document = make_catalogue(experiments=[experiment])

    assert canonical(EXPERIMENTS, experiment)["mechanism"] == [link(size=0.1)]
    assert check_references(parse_catalogue(document)[1]) == []


def test_experiments_without_one_keep_their_form() -> None:
    """What was stored before is neither changed nor a new revision."""
    assert "mechanism" not in canonical(EXPERIMENTS, make_experiment())


@pytest.mark.parametrize(
    ("links", "path", "code"),
    [
        ([link(moves="none", size=0.1)], "mechanism[0].size", "not_used"),
        ([link(tolerance=0.1)], "mechanism[0].tolerance", "not_used"),
        ([link(), link()], "mechanism[1].target", "duplicate_link"),
        ([link(moves="sideways")], "mechanism[0].moves", "bad_choice"),
    ],
)
def test_faults_are_named(links: list[dict[str, Any]], path: str, code: str) -> None:
    """At their place."""
    with pytest.raises(InvalidInputError) as caught:
        canonical(EXPERIMENTS, make_experiment(mechanism=links))

    assert (path, code) in [(problem.path, problem.code) for problem in caught.value.problems]


def test_a_link_that_the_journey_does_not_have_is_refused() -> None:
    """With the links there are."""
    document = make_catalogue(experiments=[make_experiment(mechanism=[link(source="nowhere")])])
    [problem] = check_references(parse_catalogue(document)[1])

    assert problem.code == "unknown_link"
    assert "there are: exposed to" in problem.message
