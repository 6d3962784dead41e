"""Journeys found in public event logs agree with figures computed elsewhere.

Source of the expected numbers: the README that stands beside the logs.
"""

from __future__ import annotations

import numpy as np
import pytest

from abplat.analysis.journeys.encode import encode_columns
from abplat.analysis.journeys.matcher import match_journeys
from abplat.analysis.journeys.results import STATUSES, JourneyColumns
from abplat.clock import parse_instant, to_micros
from abplat.domain.journeys import parse_journey

from .event_logs import Row, encode_log, read_log


def count_statuses(journeys: JourneyColumns) -> dict[str, int]:
    """Return how many journeys ended in each way."""
    codes, counts = np.unique(journeys.status, return_counts=True)
    return {STATUSES[code]: int(count) for code, count in zip(codes, counts, strict=True)}


def stages(*events: str) -> list[dict[str, object]]:
    """Return one stage per event."""
    return [{"key": f"s{i}", "match": [{"event": event}]} for i, event in enumerate(events)]


def loan_channel(row: Row) -> str:
    """Return the channel of a step of a loan application."""
    if row["activity"].startswith("A_"):
        return "portal"
    if row["activity"].startswith("O_"):
        return "mail"
    return "phone" if row["activity"].startswith("W_Nabellen") else "backoffice"


@pytest.fixture(scope="module")
def loans() -> JourneyColumns:
    """Match the loan applications of BPI Challenge 2012."""
    rows = [row for row in read_log("bpic2012") if row["lifecycle"] == "COMPLETE"]
    definition = parse_journey({
        "key": "loan", "owner": "tests", "window": "60d",
        "stages": stages("A_SUBMITTED", "A_PREACCEPTED", "A_ACCEPTED", "O_SENT", "O_SENT_BACK", "A_APPROVED"),
        "exclude": [{"match": [{"event": "A_DECLINED"}, {"event": "A_CANCELLED"}]}],
    })  # fmt: skip
    events = encode_columns(definition, encode_log(rows, loan_channel))
    return match_journeys(definition, events, to_micros(parse_instant("2012-03-15T00:00:00Z")))


def test_loan_journeys_end_as_published(loans: JourneyColumns) -> None:
    """Statuses and reached stages."""
    assert count_statuses(loans) == {"completed": 2238, "aborted": 10411, "abandoned": 46, "open": 392}
    assert len(loans) == 13087
    assert loans.reached.sum(axis=0).tolist() == [13087, 7367, 5113, 5015, 3251, 2238]


def test_loan_journeys_take_as_long_as_published(loans: JourneyColumns) -> None:
    """Median and mean time of the completed, to the millisecond."""
    seconds = (loans.end - loans.start)[loans.completed] / 1e6

    assert round(float(np.median(seconds)), 3) == 1_238_566.806
    assert round(float(np.mean(seconds)), 3) == 1_422_689.217


def test_loan_journeys_have_the_published_counters(loans: JourneyColumns) -> None:
    """Touchpoints, switches, backtracks, repeats."""
    assert int(loans.touchpoints.sum()) == 148_381
    assert int(loans.switches.sum()) == 53_982
    assert int((loans.switches > 0).sum()) == 7_471
    assert int(loans.backtracks.sum()) == 395
    assert int(loans.repeats.sum()) == 1_817


@pytest.mark.parametrize(
    ("ordering", "completed"), [("ordered", 793), ("any", None)], ids=["ordered", "any order"]
)
def test_permit_receipts_complete_more_often_in_any_order(ordering: str, completed: int | None) -> None:
    """The steps of a permit receipt: T06 is often done before T05, which an order forbids."""
    rows = read_log("receipt")
    activities = sorted({row["activity"] for row in rows})
    names = [
        next(a for a in activities if a.startswith(p)) for p in ("Confirmation", "T02", "T04", "T05", "T06")
    ]
    definition = parse_journey(
        {"key": "permit", "owner": "tests", "stages": stages(*names), "window": "90d", "ordering": ordering}
    )
    events = encode_columns(definition, encode_log(rows, lambda row: row["group"]))
    journeys = match_journeys(definition, events, to_micros(parse_instant("2012-02-01T00:00:00Z")))

    if completed is None:
        assert count_statuses(journeys)["completed"] > 1.4 * 793
    else:
        assert journeys.reached.sum(axis=0).tolist() == [1434, 1313, 1300, 1297, 793]
        assert count_statuses(journeys) == {"completed": 793, "abandoned": 580, "open": 61}
