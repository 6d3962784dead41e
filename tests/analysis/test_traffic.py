"""The benchmark's traffic fits today's schemas, and is gathered."""

from __future__ import annotations

from pathlib import Path

from abplat.analysis.gather import gather_all
from abplat.analysis.snapshot import Snapshot
from abplat.config import Settings
from abplat.facts.engines.duckdb import connect
from abplat.facts.sealing import seal_project
from benchmarks import traffic

N_EVENTS = 2_000


def test_traffic_can_be_sealed_and_gathered(tmp_path: Path) -> None:
    """A column that a schema has gained is noticed here, and not when somebody wants figures."""
    settings = Settings(data_dir=tmp_path)
    lake = traffic.make_traffic(tmp_path / "lake", N_EVENTS, n_days=8)
    with connect(settings) as connection:
        seal_project(connection, lake, traffic.PROJECT, traffic.AS_OF_US, everything=True)
    with Snapshot(lake, traffic.PROJECT, traffic.AS_OF_US, settings) as snapshot:
        found = list(gather_all(snapshot, traffic.make_plans()))
        n_events = snapshot.fact_counts["touchpoint"]

    assert n_events == N_EVENTS
    assert [len(each.population) > 0 for each in found] == [True] * len(traffic.EXPERIMENTS)
    assert all(len(each.walked["buy"].journeys) > 0 for each in found)
