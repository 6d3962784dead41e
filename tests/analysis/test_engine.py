"""However facts arrive and however they lie, the same is gathered, bit for bit."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from abplat.analysis.gather import gather, gather_all
from abplat.analysis.snapshot import Snapshot
from abplat.analysis.who import Names
from abplat.config import Settings
from abplat.facts.engines.duckdb import connect
from abplat.facts.lake import Lake
from abplat.facts.sealing import Sealed, seal_project

from .late_facts import AS_OF_US, DAY, FIRST, PROJECT, Arrival, drain, make_arrivals, make_test_plan

INSTANTS = [AS_OF_US, FIRST + 5 * DAY + 12_345]


def flatten(value: Any, path: str = "") -> dict[str, Any]:
    """Return everything in a tree of dataclasses by path; arrays as their bytes."""
    if is_dataclass(value):
        return {k: v for each in fields(value) for k, v in flatten(getattr(value, each.name), f"{path}.{each.name}").items()}  # fmt: skip
    if isinstance(value, dict):
        return {k: v for key in sorted(value) for k, v in flatten(value[key], f"{path}[{key}]").items()}
    if isinstance(value, Names):
        return {path: tuple(value)}
    if isinstance(value, np.ndarray):
        return {path: (value.dtype.str, value.shape, value.tobytes())}
    return {path: value}


def look(folder: Path, as_of_us: int = AS_OF_US, key: str = "one", **journey: Any) -> dict[str, Any]:
    """Return all that is gathered but the versions of the tables."""
    with Snapshot(Lake(folder / "lake"), PROJECT, as_of_us, Settings(data_dir=folder)) as snapshot:
        found = flatten(gather(snapshot, make_test_plan(key, **journey)))
    return {path: value for path, value in found.items() if "fact_versions" not in path}


def seal(folder: Path, now_us: int = AS_OF_US, *, everything: bool = False) -> Sealed:
    """Seal what is due."""
    with connect(Settings(data_dir=folder)) as connection:
        return seal_project(connection, Lake(folder / "lake"), PROJECT, now_us, everything=everything)


def build(folder: Path, arrivals: list[Arrival], seal_after: tuple[int, ...] = ()) -> Path:
    """Drain arrivals, sealing after some of the batches."""
    lake, batch = Lake(folder / "lake"), 1
    for start in range(0, len(arrivals), 100):
        batch = drain(lake, arrivals[start : start + 100], batch)
        if start // 100 in seal_after:
            seal(folder, everything=start % 200 == 0)
    return folder


@pytest.mark.parametrize("seed", range(2, 4))
def test_sealing_changes_nothing_that_is_gathered(tmp_path: Path, seed: int) -> None:
    """Not now and not as of any past instant; with all copies, late rows and late links."""
    arrivals = make_arrivals(seed)
    plain = build(tmp_path / "plain", arrivals)
    sealed = build(tmp_path / "sealed", arrivals, seal_after=(0, 1, 3))

    for as_of_us in INSTANTS:
        assert look(sealed, as_of_us) == look(plain, as_of_us)


def test_the_order_of_batches_does_not_matter(tmp_path: Path) -> None:
    """Where no id comes twice; the copies of one id are told apart by their batches."""
    arrivals = list({one.row.event_id: one for one in make_arrivals(7)}.values())
    plain = build(tmp_path / "plain", arrivals)
    turned = build(tmp_path / "turned", arrivals[::-1], seal_after=(1, 2))

    assert look(turned) == look(plain)


@pytest.mark.parametrize(
    "journey",
    [{"scope": ["call"]}, {"ordering": "strict", "inactivity": "1d"}],
    ids=["scope", "strict"],
)
def test_every_rule_sees_the_same_events(tmp_path: Path, journey: dict[str, Any]) -> None:
    """Sealed or not, read as integers or as texts."""
    arrivals = make_arrivals(11)
    plain = build(tmp_path / "plain", arrivals)
    sealed = build(tmp_path / "sealed", arrivals, seal_after=(3,))

    assert look(sealed, **journey) == look(plain, **journey)


def test_one_reading_for_all_experiments_is_one_for_each(tmp_path: Path) -> None:
    """Gathered together or alone, an experiment is the same."""
    folder = build(tmp_path, make_arrivals(3), seal_after=(2,))
    plans = [make_test_plan("one"), make_test_plan("two", reentry="restart")]
    with Snapshot(Lake(folder / "lake"), PROJECT, AS_OF_US, Settings(data_dir=folder)) as snapshot:
        together = [flatten(found) for found in gather_all(snapshot, plans)]
        alone = [flatten(gather(snapshot, plan)) for plan in plans]

    assert together == alone


def test_sealed_days_hold_every_id_once(tmp_path: Path) -> None:
    """And a second run finds nothing to do."""
    folder = build(tmp_path, make_arrivals(5))
    first, second = seal(folder, everything=True), seal(folder, everything=True)

    assert first.dropped > 0
    assert second.days == 0


def test_a_lost_note_costs_time_only(tmp_path: Path) -> None:
    """Files that nobody calls sealed are read with every precaution, and sealed anew."""
    folder = build(tmp_path, make_arrivals(6), seal_after=(1,))
    before = look(folder)
    (folder / "lake" / PROJECT / "seals.json").unlink()

    assert look(folder) == before
    assert seal(folder, everything=True).days > 0
    assert look(folder) == before


def test_what_does_not_fit_into_memory_lies_on_disk(tmp_path: Path) -> None:
    """With next to no room the same comes out, and nothing is left behind."""
    folder = build(tmp_path, make_arrivals(8), seal_after=(1,))
    expected = look(folder)
    with Snapshot(Lake(folder / "lake"), PROJECT, AS_OF_US, Settings(data_dir=folder)) as snapshot:
        snapshot._room = 0
        found = flatten(gather(snapshot, make_test_plan()))

    assert {path: value for path, value in found.items() if "fact_versions" not in path} == expected
    assert not list((folder / "tmp").glob("stream-*"))
