"""Estimates side by side: each follows from the same customers, and one of them is the one that is used."""

from __future__ import annotations

from pathlib import Path

import pytest

from abplat import stats
from abplat.domain.report import Report
from abplat.domain.report_estimates import Estimate

from .small_world import make_metric, row_of, run_world
from .test_scorecard import WIN, run

BOUGHT = {"match": [{"event": "purchase"}]}


@pytest.fixture(name="report", scope="module")
def _report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """Analyse a simulated win, whose calls have a covariate."""
    return run(tmp_path_factory.mktemp("estimates"), WIN, n=1_200)


def find(report: Report, metric: str, kind: str) -> list[Estimate]:
    """Return the estimates of one metric made in one way."""
    assert report.estimates is not None
    return [each for each in report.estimates.estimates if (each.metric, each.kind) == (metric, kind)]


def test_one_estimate_of_each_effect_is_the_one_in_the_table(report: Report) -> None:
    """Number by number."""
    assert report.estimates is not None
    for metric in report.metrics:
        used = [each for each in report.estimates.estimates if each.metric == metric.key and each.is_used]
        if not used:
            continue
        shown = metric.effects[0]

        assert [(each.effect, each.se, each.ci_lower) for each in used] == [
            (shown.effect, shown.se, shown.ci_lower)
        ], metric.key


def test_a_covariate_makes_the_same_effect_sharper(report: Report) -> None:
    """Raw and variance-reduced stand beside each other, with how much variance is left."""
    (raw,), (adjusted,) = find(report, "calls", "raw"), find(report, "calls", "adjusted")
    assert adjusted.share_of_variance is not None

    assert (raw.is_used, adjusted.is_used) == (False, True)
    assert adjusted.share_of_variance < 1
    assert raw.effect != adjusted.effect


def test_the_raw_estimate_is_the_difference_of_the_means(report: Report) -> None:
    """As anybody would count it."""
    (raw,) = find(report, "calls", "raw")
    calls = next(metric for metric in report.metrics if metric.key == "calls")
    control, treatment = (value.value or 0.0 for value in calls.values)

    assert raw.effect == pytest.approx(treatment - control)


def test_the_goal_is_also_estimated_within_strata(report: Report) -> None:
    """By week and by channel of the first exposure, and near the total where nothing is wrong."""
    goal = next(metric for metric in report.metrics if metric.role == "primary")
    found = find(report, goal.key, "stratified")

    assert {each.strata for each in found} >= {"week"}
    assert all(abs((each.effect or 0) - (goal.effects[0].effect or 0)) < 2 * (each.se or 0) for each in found)


def test_a_cap_shows_what_it_has_cut(tmp_path: Path) -> None:
    """50 and 30 against capped at 40: counted by hand in the world of four customers."""
    metric = make_metric("spent", "value", **BOUGHT, cap={"at": 40})
    report = run_world(tmp_path, [metric])
    (raw,), (capped,) = find(report, "spent", "raw"), find(report, "spent", "capped")

    assert raw.effect == pytest.approx(30 / 2 - 50 / 2)
    assert capped.effect == pytest.approx(30 / 2 - 40 / 2)
    assert capped.effect == row_of(report, "spent").effects[0].effect
    assert (raw.is_used, capped.is_used) == (False, True)


def test_what_cannot_be_computed_has_a_reason() -> None:
    """Never a number that stands for none."""
    made = stats.compare(stats.Moments.from_values([1.0]), stats.Moments.from_values([2.0]))

    assert isinstance(made, stats.NotComputable)
