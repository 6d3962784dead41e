"""Phases in the analysis: the present one is judged, by whoever it drew itself."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from abplat.analysis.gather import _earlier, _populate
from abplat.analysis.plan import make_plan
from abplat.analysis.snapshot import Exposure
from abplat.clock import to_micros
from tests.conftest import NOW, make_experiment, make_journey, make_metric

LATER = NOW + timedelta(days=5)


def frozen(**over: Any) -> dict[str, Any]:
    """Return a frozen plan."""
    journey = {"key": "buy", "version": 1, "document": make_journey()}
    experiment = make_experiment(**over)
    return {
        "project": "shop", "experiment": experiment, "journey": journey, "journeys": {"buy": journey},
        "metrics": {"completed": make_metric()},
    }  # fmt: skip


def phase(number: int, control: int, counts_from: Any) -> dict[str, Any]:
    """Return a phase."""
    weights = {"control": control, "treatment": 10_000 - control}
    return {"number": number, "weights": weights, "counts_from": counts_from}


def population(exposures: Sequence[tuple[str, str, Any]], phases: Sequence[dict[str, Any]]) -> list[str]:
    """Return whom an analysis counts."""
    plan = make_plan(frozen(), phases=phases)
    made = [
        Exposure(str(n), actor, variant, "web", to_micros(at), "split")
        for n, (actor, variant, at) in enumerate(exposures)
    ]
    actors = list(dict.fromkeys(each.actor for each in made))
    codes = {actor: code for code, actor in enumerate(actors)}
    return [actors[code] for code in _populate(made, codes, plan).customer.tolist()]


SEEN = [
    ("cust:1", "control", NOW),
    ("cust:2", "treatment", NOW),
    ("cust:1", "control", LATER),
    ("cust:3", "treatment", LATER),
    ("cust:2", "control", LATER),
]


def test_only_customers_whom_the_phase_drew_itself_count() -> None:
    """Who was exposed before is left out, also where the variant stayed."""
    assert population(SEEN, [phase(1, 5000, NOW), phase(2, 6000, LATER)]) == ["cust:3"]


def test_an_exposure_says_itself_which_phase_it_is_of() -> None:
    """An SDK may go by an older configuration for a while: its time alone would mislead."""
    plan = make_plan(frozen(), phases=[phase(1, 5000, NOW), phase(2, 6000, LATER), phase(3, 6000, LATER)])
    made = [
        Exposure("a", "cust:1", "control", "web", to_micros(LATER), "split", 1),
        Exposure("b", "cust:2", "control", "web", to_micros(LATER), "split", 2),
        Exposure("c", "cust:3", "control", "web", to_micros(NOW), "split", 3),
        Exposure("d", "cust:4", "control", "web", to_micros(NOW), "split", None),
    ]
    codes = {each.actor: code for code, each in enumerate(made)}

    assert plan.counts_from_phase == 2
    assert _populate(made, codes, plan).customer.tolist() == [1, 2]


def test_widening_leaves_nobody_out() -> None:
    """The same weights and salt have drawn them all."""
    everybody = ["cust:1", "cust:2", "cust:3"]

    assert population(SEEN, [phase(1, 5000, NOW), phase(2, 5000, NOW)]) == everybody
    assert population(SEEN, []) == everybody


def test_the_split_is_held_against_the_weights_of_the_phase() -> None:
    """And the phases are part of what numbers depend on."""
    first, second = phase(1, 5000, NOW), phase(2, 6000, LATER)
    plan = make_plan(frozen(), phases=[first, second])

    assert [variant.weight for variant in plan.variants] == [6000, 4000]
    assert (plan.phase, plan.counts_from_us) == (2, to_micros(LATER))
    assert plan.definitions_hash != make_plan(frozen(), phases=[first]).definitions_hash
    assert make_plan(frozen(), phases=[first]).definitions_hash == make_plan(frozen()).definitions_hash


@pytest.mark.parametrize(("unit", "is_clustered"), [("cust", False), ("store", True), ("household", True)])
def test_the_plan_says_whether_the_analysis_is_clustered(unit: str, is_clustered: Any) -> None:
    """A group that is drawn whole is counted whole."""
    assert make_plan(frozen(unit_type=unit)).is_clustered is is_clustered


def test_without_phases_nobody_is_earlier() -> None:
    """Facts from before the start of imported experiments stay."""
    assert _earlier([], {}, make_plan(frozen())) == set()
