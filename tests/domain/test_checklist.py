"""The checklist: every item passes, fails or does not know, and says why."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from abplat.domain.catalogue import canonical
from abplat.domain.checklist import Surroundings, require_ready, tick
from abplat.errors import ConflictError, Problem
from tests.conftest import NOW, make_experiment

ARMS = make_experiment()["variants"]
WEB = {"payloads": {"web": {}}}
SHOWN = {"variants": [ARMS[0] | WEB, ARMS[1] | WEB]}
GUARDED = {
    "metrics": [*make_experiment()["metrics"], {"metric": "calls", "role": "guardrail", "margin": 0.1}]
}
LONE = {"variants": [ARMS[0] | {"weight": 10_000}, ARMS[1] | {"weight": 0}]}


def look(over: dict[str, Any], around: dict[str, Any]) -> dict[str, tuple[str, str, str]]:
    """Return state, why and fix of each item."""
    document = canonical(
        "experiments", make_experiment(**{name: v for name, v in over.items() if name != "owner"})
    )
    items = tick(document | over, Surroundings(NOW, **around))
    return {item.key: (item.state, item.why, item.fix) for item in items}


@pytest.mark.parametrize(
    ("item", "state", "over", "around"),
    [
        ("journey", "passed", {}, {}),
        ("journey", "failed", {}, {"loose_ends": [Problem("layer", "is gone")]}),
        ("owner", "passed", {}, {}),
        ("owner", "failed", {"owner": ""}, {}),
        ("metrics", "unknown", {}, {}),
        ("metrics", "passed", {}, {"silent_metrics": []}),
        ("metrics", "failed", {}, {"silent_metrics": ["completed"]}),
        ("guardrail", "failed", {}, {}),
        ("guardrail", "passed", GUARDED, {}),
        ("payloads", "passed", {}, {}),
        ("traffic", "passed", {}, {}),
        ("traffic", "failed", LONE, {}),
        ("slot", "passed", {}, {}),
        ("slot", "failed", {}, {"slot_fault": "taken by other"}),
        ("prerequisites", "passed", {}, {}),
        ("prerequisites", "failed", {}, {"idle_needs": ["first is draft"]}),
        ("sdk", "unknown", {}, {}),
        ("sdk", "unknown", {"kind": "aa"}, {"last_seen": {"web": NOW}}),
    ],
)
def test_every_item_says_what_it_found(
    item: str, state: str, over: dict[str, Any], around: dict[str, Any]
) -> None:
    """With a way to mend it wherever it has failed."""
    found, why, fix = look(over, around)[item]

    assert found == state
    assert why
    assert fix or state != "failed"


@pytest.mark.parametrize(("hours", "state"), [(0, "passed"), (24, "passed"), (25, "failed")])
def test_a_channel_may_be_silent_for_a_day(hours: int, state: str) -> None:
    """A channel that was never heard of is not known, one that went silent is broken."""
    document = canonical("experiments", make_experiment(**SHOWN))
    items = tick(document, Surroundings(NOW, last_seen={"web": NOW - timedelta(hours=hours)}))

    assert {item.key: item.state for item in items}["sdk"] == state


def test_what_is_only_analysed_is_not_asked_how_it_is_served() -> None:
    """No payload, slot or SDK."""
    assert set(look({"kind": "analysis_only"}, {})) == {"journey", "owner", "metrics", "guardrail"}


def test_only_what_blocks_keeps_from_starting() -> None:
    """Every failed blocking item is named at once."""
    document = canonical("experiments", make_experiment(included=0))
    require_ready(tick(canonical("experiments", make_experiment()), Surroundings(NOW)))
    with pytest.raises(ConflictError) as caught:
        require_ready(tick(document, Surroundings(NOW, slot_fault="taken")))

    assert [problem.path for problem in caught.value.problems] == ["traffic", "slot"]
