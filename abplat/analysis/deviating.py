"""Planned against actual: what customers did beside, out of order, in vain, or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from abplat.analysis.counted import Counted as CountedJourneys
from abplat.analysis.counted import count_having, list_counted
from abplat.analysis.gathered import Gathered, IntArray, WalkedJourney
from abplat.analysis.journeys.results import ABANDONED, ABORTED
from abplat.analysis.journeys.steps import JourneySteps
from abplat.analysis.plan import AnalysisPlan
from abplat.analysis.shares import Counted, SharedContrast, compare_counted, fields_of
from abplat.domain.report_paths import Deviation, Rework

KINDS: Final = ("ad_hoc", "out_of_sequence", "failed", "missing")


class _Tally(NamedTuple):
    """What the journeys of each arm have of something."""

    customers: list[int]
    """Customers with a journey that has any."""
    journeys: list[int]
    touchpoints: list[int]


def list_deviations(gathered: Gathered, plan: AnalysisPlan, walked: WalkedJourney) -> tuple[Deviation, ...]:
    """Count the four classes of deviation per arm, and compare the customers who had any."""
    if walked.steps is None:
        return ()
    counted, sizes = list_counted(gathered, walked), _sizes(gathered, plan)
    columns = _classify(walked, walked.steps, plan)
    tallies = [_tally(counted, columns[kind], len(sizes)) for kind in KINDS]
    n_journeys = np.bincount(counted.arm, minlength=len(sizes)).tolist()
    return tuple(
        Deviation(
            **fields_of(row),
            kind=kind,
            n_journeys_control=n_journeys[0],
            n_journeys_treatment=n_journeys[place],
            n_with_control=each.journeys[0],
            n_with_treatment=each.journeys[place],
            n_touchpoints_control=each.touchpoints[0],
            n_touchpoints_treatment=each.touchpoints[place],
        )
        for place in range(1, len(sizes))
        for kind, each, row in zip(KINDS, tallies, _compare(plan, place, tallies, sizes), strict=True)
    )


def list_rework(gathered: Gathered, plan: AnalysisPlan, walked: WalkedJourney) -> tuple[Rework, ...]:
    """Count per stage what was done again."""
    if walked.steps is None:
        return ()
    counted, sizes = list_counted(gathered, walked), _sizes(gathered, plan)
    stages = [stage["key"] for stage in plan.journey["stages"]]
    tallies = [_tally(counted, column, len(sizes)) for column in walked.steps.rework.T]
    return tuple(
        Rework(
            **fields_of(row),
            stage=key,
            n_touchpoints_control=each.touchpoints[0],
            n_touchpoints_treatment=each.touchpoints[place],
        )
        for place in range(1, len(sizes))
        for key, each, row in zip(stages, tallies, _compare(plan, place, tallies, sizes), strict=True)
    )


def _classify(walked: WalkedJourney, steps: JourneySteps, plan: AnalysisPlan) -> dict[str, IntArray]:
    """Return per class how often each journey deviates from its definition."""
    journeys = walked.journeys
    required = np.array([not stage.get("optional") for stage in plan.journey["stages"]], bool)
    missing = (~journeys.reached[:, required]).sum(axis=1)
    ended = (journeys.status == ABANDONED) | (journeys.status == ABORTED)
    return {
        "ad_hoc": steps.ad_hoc,
        "out_of_sequence": steps.out_of_order,
        "failed": (journeys.status == ABORTED).astype(np.int64),
        "missing": np.where(ended, missing, 0).astype(np.int64),
    }


def _sizes(gathered: Gathered, plan: AnalysisPlan) -> list[int]:
    """Return the mature customers of each arm."""
    return [int(np.count_nonzero(gathered.arm(place))) for place in range(len(plan.variants))]


def _tally(counted: CountedJourneys, column: IntArray, n_arms: int) -> _Tally:
    """Count per arm what the journeys that count have."""
    mine = column[counted.rows]
    journeys = np.bincount(counted.arm, weights=mine > 0, minlength=n_arms)
    touchpoints = np.bincount(counted.arm, weights=mine, minlength=n_arms)
    return _Tally(
        count_having(counted, mine > 0, n_arms),
        journeys.astype(np.int64).tolist(),
        touchpoints.astype(np.int64).tolist(),
    )


def _compare(
    plan: AnalysisPlan, place: int, tallies: Sequence[_Tally], sizes: Sequence[int]
) -> list[SharedContrast]:
    """Compare the customers who have any between one arm and control."""
    counted = [Counted(each.customers[0], sizes[0], each.customers[place], sizes[place]) for each in tallies]
    return compare_counted(plan.variants[place].key, counted, plan.alpha)
