"""The ledger of looks: alpha spent stays spent, and a look stays as it was."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abplat.errors import InvalidInputError
from abplat.stats.result import NotComputable
from abplat.stats.sequential import (
    GroupSequentialPlan,
    Ledger,
    Spending,
    open_ledger,
    read_ledger,
    set_bounds,
)

PLAN = GroupSequentialPlan()


def look_at(fractions: Sequence[float], z: float = 0.0, plan: GroupSequentialPlan = PLAN) -> Ledger:
    """Make a ledger with looks at given fractions, all with the same Z."""
    ledger = open_ledger(plan, planned_se=0.1)
    for fraction in fractions:
        se = 0.1 / fraction**0.5
        ledger = ledger.record(effect=z * se, se=se)
    return ledger


def test_looks_as_planned_get_the_bounds_of_the_plan() -> None:
    """Recording look by look is the design computed at once."""
    ledger = look_at([0.25, 0.5, 0.75, 1.0])

    assert [look.bound for look in ledger.looks] == pytest.approx(set_bounds([0.25, 0.5, 0.75, 1.0]).upper)
    assert ledger.looks[-1].outcome == "ended"
    assert ledger.alpha_spent == pytest.approx(0.05)


@pytest.mark.parametrize(("z", "outcome"), [(9.0, "better"), (-9.0, "worse"), (1.0, "go_on")])
def test_a_crossing_ends_the_test(z: float, outcome: str) -> None:
    """Both directions are named."""
    ledger = look_at([0.5], z)

    assert ledger.looks[0].outcome == outcome
    assert ledger.is_over == (outcome != "go_on")


def test_one_sided_tests_never_end_as_worse() -> None:
    """Only a gain is looked for."""
    plan = GroupSequentialPlan(sides=1, spending=Spending("pocock"))

    assert look_at([0.5, 0.7], -9.0, plan).looks[-1].outcome == "go_on"
    assert look_at([0.5], 9.0, plan).looks[-1].outcome == "better"


def test_falling_information_spends_nothing() -> None:
    """A variance estimate went up: the look is kept, and the next one goes on from where alpha was."""
    plain, disturbed = look_at([0.4, 1.0]), look_at([0.4, 0.35, 0.4, 1.0])

    assert disturbed.looks[1].alpha_spent == disturbed.looks[0].alpha_spent
    assert disturbed.looks[1].bound == 8.0
    assert disturbed.looks[-1].bound == pytest.approx(plain.looks[-1].bound)


def test_a_final_look_spends_the_rest() -> None:
    """The team ends early: all that is left is used."""
    ledger = open_ledger(PLAN, planned_se=0.1).record(0.0, 0.2).record(0.0, 0.12, final=True)

    assert ledger.alpha_spent == pytest.approx(0.05)
    assert ledger.is_over


def test_no_look_after_the_end() -> None:
    """A further look could only mislead."""
    with pytest.raises(InvalidInputError, match="ended"):
        look_at([1.0]).record(0.0, 0.1)


@given(st.lists(st.floats(0.05, 0.99), min_size=1, max_size=6))
@settings(max_examples=20, deadline=None)
def test_spending_never_falls_and_recording_changes_nothing_before(fractions: Sequence[float]) -> None:
    """The ledger only grows."""
    ledger = look_at(fractions)
    spent = [look.alpha_spent for look in ledger.looks]

    assert spent == sorted(spent)
    assert spent[-1] <= 0.05
    assert ledger.looks[:-1] == look_at(fractions[:-1]).looks


def test_a_ledger_survives_json() -> None:
    """It is stored with the experiment and read back exactly."""
    ledger = look_at([0.3, 0.6], plan=GroupSequentialPlan(spending=Spending("kim_demets", 2.0)))

    assert read_ledger(json.loads(json.dumps(ledger.to_document()))) == ledger


def test_inference_waits_for_the_end() -> None:
    """While the test goes on there is no final result; then it allows for the looks."""
    ledger = look_at([0.3], 1.0)
    ended = ledger.record(0.25, 0.1)

    assert ledger.infer() == NotComputable("not_ended")
    assert ledger.infer().message == "The test goes on: there is no final result yet."
    assert 0 < ended.infer().effect <= 0.25
    assert ended.infer().p_value < 0.05


def test_daily_looks_at_unplanned_times_keep_the_error() -> None:
    """200 seeded tests of looks at random information: within 3 binomial deviations of 5 %."""
    rng = np.random.default_rng(2)
    ends = [_run_one(rng) for _ in range(200)]

    assert np.mean(ends) < 0.05 + 3 * (0.05 * 0.95 / 200) ** 0.5


def _run_one(rng: np.random.Generator) -> bool:
    """Look at one test without an effect until it ends."""
    ledger, total, information = open_ledger(PLAN, planned_se=0.1), 0.0, 0.0
    while not ledger.is_over:
        step = rng.uniform(2.0, 25.0)
        information += step
        total += rng.standard_normal() * step**0.5
        ledger = ledger.record(effect=total / information, se=information**-0.5)
    return ledger.looks[-1].outcome != "ended"


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"plan": {"spending": {}, "futility_spending": {}}, "planned_information": 1.0, "looks": [{"z": 1}]},
        {"plan": 3},
    ],
)
def test_broken_documents_are_refused(document: dict[str, Any]) -> None:
    """A ledger that nobody wrote."""
    with pytest.raises(InvalidInputError):
        read_ledger(document)


@pytest.mark.parametrize(("effect", "se"), [(np.nan, 0.1), (0.0, 0.0), (0.0, -1.0)])
def test_bad_looks_are_refused(effect: float, se: float) -> None:
    """No NaN enters the record."""
    with pytest.raises(InvalidInputError):
        open_ledger(PLAN, planned_se=0.1).record(effect, se)
