"""Udacity's free-trial screener: a link moved, the journey did not.

Source of the expected numbers: the README beside the data (published course answers).
"""

from __future__ import annotations

import pytest

from abplat.analysis.scorecard import analyse
from abplat.clock import parse_instant
from abplat.config import Settings
from abplat.domain.report import Report

from .conftest import import_real
from .plans import make_real_plan

METRICS = [
    ({"key": "net", "title": "Paid", "kind": "completion"}, "primary"),
    ({"key": "gross", "title": "Enrolled", "kind": "reach", "stage": "enrolled"}, "secondary"),
]


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """Import and analyse; the days without outcomes are left out by the map."""
    folder = tmp_path_factory.mktemp("screener")
    lake, result = import_real(
        folder, "outcomes", "journeys/free_trial_screener.csv.gz", "free_trial_screener"
    )
    assert (result.refused, result.left_out) == (0, 28)
    plan = make_real_plan(
        "screener", {"control": 5000, "experiment": 5000}, ("enrolled", "paid"), METRICS, "21d"
    )
    return analyse(lake, plan, parse_instant("2015-01-01T00:00:00Z"), Settings(data_dir=folder))


def test_counts_are_the_published_ones(report: Report) -> None:
    """Clicks, enrolments, payments of 23 days."""
    [links] = report.links

    assert links.control_counts == (17_293, 3_785, 2_033)
    assert links.treatment_counts == (17_260, 3_423, 1_945)


@pytest.mark.parametrize(
    ("metric", "effect", "lower", "upper", "verdict"),
    [("gross", -0.0206, -0.0291, -0.0120, "worse"), ("net", -0.0049, -0.0116, 0.0019, "inconclusive")],
)
def test_effects_are_the_published_ones(
    report: Report, metric: str, effect: float, lower: float, upper: float, verdict: str
) -> None:
    """Gross conversion fell, net conversion is not shown to have moved."""
    [found] = next(row for row in report.metrics if row.key == metric).effects

    assert (found.effect, found.ci_lower, found.ci_upper) == pytest.approx((effect, lower, upper), abs=6e-5)
    assert found.verdict == verdict


def test_the_enrolment_link_moved_and_the_journey_did_not(report: Report) -> None:
    """Whoever enrols in spite of the warning pays more often: the links go in opposite directions."""
    [links] = report.links
    enrolled, paid = links.links

    assert enrolled.points_ci_upper is not None
    assert enrolled.points_ci_upper < 0
    assert paid.points_ci_lower is not None
    assert paid.points_ci_lower > 0
    assert links.ci_lower is not None
    assert links.ci_upper is not None
    assert links.ci_lower < 0 < links.ci_upper
    assert report.verdicts[0].may_ship is False
