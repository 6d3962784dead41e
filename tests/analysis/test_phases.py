"""Phases in the analysis: the present one is judged, by whoever it drew itself."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, cast

import numpy as np
import pytest

from abplat.analysis.exposed import Exposed, ExposureFacts, expose
from abplat.analysis.identities import Identities, LinkColumns
from abplat.analysis.plan import AnalysisPlan, make_plan
from abplat.analysis.who import Who
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
    actors = list(dict.fromkeys(actor for actor, _, _ in exposures))
    found = _expose(exposures, make_plan(frozen(), phases=phases), actors)
    return [actors[code] for code in found.population.customer.tolist()]


def _expose(
    exposures: Sequence[tuple[str, str, Any]],
    plan: AnalysisPlan,
    actors: Sequence[str],
    phases: Sequence[int | None] | None = None,
) -> Exposed:
    """Return what exposures come to where every id is a customer of its own."""
    variants = tuple(sorted({variant for _, variant, _ in exposures}))
    n, none = len(exposures), np.empty(0, np.int64)
    every = np.arange(len(actors), dtype=np.int32)
    facts = ExposureFacts(
        code=np.array([actors.index(actor) for actor, _, _ in exposures], np.int64),
        ts=np.array([to_micros(at) for _, _, at in exposures], np.int64),
        variant=np.array([variants.index(variant) for _, variant, _ in exposures], np.int32),
        variants=variants,
        channel=np.zeros(n, np.int32),
        channels=("web",),
        sdk=np.full(n, -1, np.int32),
        sdks=(),
        phase=np.array([-1 if each is None else each for each in phases or [None] * n], np.int64),
        by_hand=np.zeros(n, bool),
        inherited=np.zeros(n, bool),
    )
    identities = Identities(every, len(actors), every, none, none, none, none, none)
    flags = np.ones(len(actors), bool)
    who = Who(
        identities,
        every,
        every.astype(np.int64),
        flags,
        flags,
        LinkColumns(none, none, none),
        flags,
        np.full(len(actors), -1, np.int8),
        cast("Any", None),
    )
    return expose(facts, who, plan, [])


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
    actors = [f"cust:{n}" for n in range(1, 5)]
    made = [(actor, "control", at) for actor, at in zip(actors, [LATER, LATER, NOW, NOW], strict=True)]

    assert plan.counts_from_phase == 2
    assert _expose(made, plan, actors, [1, 2, 3, None]).population.customer.tolist() == [1, 2]


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
    assert _expose([], make_plan(frozen()), []).n_earlier == 0
