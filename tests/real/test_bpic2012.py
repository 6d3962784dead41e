"""BPI Challenge 2012 through the import and the lake gives every figure known of it.

Source of the expected numbers: the README beside the data.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from abplat.analysis.journeys.matcher import match_journeys
from abplat.analysis.journeys.results import STATUSES, JourneyColumns
from abplat.analysis.snapshot import Snapshot
from abplat.clock import parse_instant, to_micros
from abplat.config import Settings
from abplat.domain.journeys import parse_journey

from .conftest import import_real
from .plans import make_stages

AS_OF_US = to_micros(parse_instant("2012-03-15T00:00:00Z"))
STAGES = ("A_SUBMITTED", "A_PREACCEPTED", "A_ACCEPTED", "O_SENT", "O_SENT_BACK", "A_APPROVED")
LOAN: dict[str, Any] = {
    "key": "loan",
    "owner": "tests",
    "window": "60d",
    "stages": make_stages(*STAGES),
    "exclude": [{"match": [{"event": "A_DECLINED"}, {"event": "A_CANCELLED"}]}],
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Import the log."""
    folder = tmp_path_factory.mktemp("bpic2012")
    _, result = import_real(folder, "events", "journeys/bpic2012.csv.gz", "bpic2012")
    assert (result.imported, result.refused, result.duplicates, result.left_out) == (164_506, 0, 0, 97_694)
    return folder


@pytest.fixture(scope="module")
def loans(folder: Path) -> JourneyColumns:
    """Scan the lake and match."""
    from abplat.facts.lake import Lake

    definition = parse_journey(LOAN)
    with Snapshot(Lake(folder / "lake"), "real", AS_OF_US, Settings(data_dir=folder)) as snapshot:
        actors = snapshot.actors()
        snapshot.choose_customers(actors, range(len(actors)))
        events = snapshot.events(definition, len(actors))
    return match_journeys(definition, events, AS_OF_US)


def test_journeys_end_as_known(loans: JourneyColumns) -> None:
    """13,087 = 2,238 completed + 10,411 aborted + 46 abandoned + 392 open."""
    codes, counts = np.unique(loans.status, return_counts=True)
    found = {STATUSES[code]: int(count) for code, count in zip(codes, counts, strict=True)}

    assert len(loans) == 13_087
    assert found == {"completed": 2_238, "aborted": 10_411, "abandoned": 46, "open": 392}


def test_stages_are_reached_as_known(loans: JourneyColumns) -> None:
    """In the order of the definition."""
    assert loans.reached.sum(axis=0).tolist() == [13_087, 7_367, 5_113, 5_015, 3_251, 2_238]


def test_completed_journeys_take_as_long_as_known(loans: JourneyColumns) -> None:
    """Median and mean, to the millisecond."""
    seconds = (loans.end - loans.start)[loans.completed] / 1e6

    assert (round(float(np.median(seconds)), 3), round(float(np.mean(seconds)), 3)) == (
        1_238_566.806,
        1_422_689.217,
    )


def test_counters_are_as_known(loans: JourneyColumns) -> None:
    """Touchpoints, switches and how many journeys have one, backtracks, repeats."""
    found = [
        int(values.sum())
        for values in (loans.touchpoints, loans.switches, loans.switches > 0, loans.backtracks, loans.repeats)
    ]

    assert found == [148_381, 53_982, 7_471, 395, 1_817]
