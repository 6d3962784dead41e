"""Counts of everybody: they add up, and say the same as the readable matcher's journeys would."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from abplat.analysis.journey_counts import count_journeys
from abplat.clock import to_micros
from abplat.config import Settings
from abplat.domain.journey_counts import CALL_DAYS, EXAMPLES, CountOptions, JourneyCounts
from abplat.facts.lake import Lake
from abplat.services.journey_counts import Asked
from tests.analysis.simulated import JOURNEY, Shop, Truth
from tests.jobs.test_plan import NOW


def count(lake: Lake, folder: Path, **over: Any) -> JourneyCounts:
    """Count the journeys of a shop."""
    asked = Asked(JOURNEY, CountOptions(), None, {}, [])._replace(**over)
    return count_journeys(lake, "shop", asked, to_micros(NOW), Settings(data_dir=folder))


def test_counts_add_up(tmp_path: Path) -> None:
    """Every journey is complete, left or open; cells make stages, moves lead to them."""
    shop = Shop(tmp_path)
    shop.run({"control": Truth()}, n=300)
    found = count(shop.write(), tmp_path)
    first = JOURNEY["stages"][0]["key"]

    assert found.n_journeys >= found.n_customers > 0
    assert found.stages[first] == found.n_journeys
    assert found.n_completed + sum(end.n for end in found.ends) == found.n_journeys
    assert found.n_open == sum(end.n for end in found.ends if end.status == "open")
    for key, n in found.stages.items():
        assert sum(cell.n for cell in found.cells if cell.stage == key) == n
        if key != first:
            assert sum(way.n for way in found.ways if way.target == key) == n


def test_moves_have_examples_and_calls(tmp_path: Path) -> None:
    """At most twenty each, masked; who calls after a move is counted, and nobody else."""
    shop = Shop(tmp_path)
    shop.run({"control": Truth(call=0.5)}, n=300)
    lake = shop.write()
    quiet = count(lake, tmp_path)
    told = count(lake, tmp_path, agents=["phone"], costs={"phone": 6.0, "web": 0.5})
    largest = max(told.ways, key=lambda way: way.n)

    assert all(way.n_called is None for way in quiet.ways)
    assert len(largest.examples) == EXAMPLES
    assert all("…" in example.customer for example in largest.examples)
    assert all(len(way.examples) == min(way.n, EXAMPLES) for way in told.ways)
    assert all(way.n_called is not None and 0 <= way.n_called <= way.n for way in told.ways)
    assert sum(way.n_called or 0 for way in told.ways) > 0
    assert CALL_DAYS == 7


def test_a_step_says_what_it_takes(tmp_path: Path) -> None:
    """The first one takes no time; contacts and cost are those on the way to it."""
    shop = Shop(tmp_path)
    shop.run({"control": Truth()}, n=300)
    lake = shop.write()
    free = count(lake, tmp_path)
    paid = count(lake, tmp_path, costs={"web": 0.5, "store": 2.0})
    first, second = paid.steps[0], paid.steps[1]

    assert [step.stage for step in paid.steps] == list(paid.stages)
    assert [step.n for step in paid.steps] == list(paid.stages.values())
    assert all(step.cost is None for step in free.steps)
    assert first.median_seconds is None
    assert second.median_seconds is not None
    assert first.n_contacts is not None
    assert first.n_contacts >= 1
    assert first.cost is not None
    assert first.cost > 0


def test_customers_and_where_it_began_are_chosen(tmp_path: Path) -> None:
    """A segment's members alone, known by any of their ids; one entry channel alone; fewer days."""
    shop = Shop(tmp_path)
    shop.run({"control": Truth()}, n=300)
    lake = shop.write()
    everybody = count(lake, tmp_path)
    members = [f"cust:{n}" for n in range(1, 41)]
    some = count(lake, tmp_path, members=members, options=CountOptions(segment="vip"))
    entries = {cell.channel: cell.n for cell in everybody.cells if cell.stage == next(iter(everybody.stages))}
    channel, n = next(iter(entries.items()))
    begun = count(lake, tmp_path, options=CountOptions(channel=channel))
    nowhere = count(lake, tmp_path, options=CountOptions(channel="nowhere"))
    lately = count(lake, tmp_path, options=CountOptions(days=7))

    assert 0 < some.n_customers <= 40
    assert some.segment == "vip"
    assert begun.n_journeys == n
    assert nowhere.n_journeys == 0
    assert lately.n_journeys <= everybody.n_journeys
