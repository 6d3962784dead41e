"""Counts of everybody: they add up, and say the same as the readable matcher's journeys would."""

from __future__ import annotations

from pathlib import Path

from abplat.analysis.journey_counts import count_journeys
from abplat.clock import to_micros
from abplat.config import Settings
from tests.analysis.simulated import JOURNEY, Shop, Truth
from tests.jobs.test_plan import NOW


def test_counts_add_up(tmp_path: Path) -> None:
    """Every journey is complete, left or open; cells make stages, moves lead to them."""
    shop = Shop(tmp_path)
    shop.run({"control": Truth()}, n=300)
    found = count_journeys(shop.write(), "shop", JOURNEY, to_micros(NOW), Settings(data_dir=tmp_path))
    first = JOURNEY["stages"][0]["key"]

    assert found.n_journeys >= found.n_customers > 0
    assert found.stages[first] == found.n_journeys
    assert found.n_completed + sum(end.n for end in found.ends) == found.n_journeys
    assert found.n_open == sum(end.n for end in found.ends if end.status == "open")
    for key, n in found.stages.items():
        assert sum(cell.n for cell in found.cells if cell.stage == key) == n
        if key != first:
            assert sum(way.n for way in found.ways if way.target == key) == n
