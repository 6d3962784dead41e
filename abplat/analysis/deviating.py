"""Planned against actual: what customers did beside, out of order, in vain, or not at all."""

from __future__ import annotations

from typing import Final

import numpy as np

from abplat.analysis.gathered import Flags, Gathered, IntArray, WalkedJourney
from abplat.analysis.journeys.results import ABANDONED, ABORTED
from abplat.analysis.journeys.steps import JourneySteps
from abplat.analysis.plan import AnalysisPlan
from abplat.analysis.shares import Counted, compare_counted, fields_of
from abplat.domain.report_paths import Deviation, Rework

KINDS: Final = ("ad_hoc", "out_of_sequence", "failed", "missing")


def list_deviations(gathered: Gathered, plan: AnalysisPlan, walked: WalkedJourney) -> tuple[Deviation, ...]:
    """Count the four classes of deviation per arm, and compare the customers who had any."""
    if walked.steps is None:
        return ()
    counts = _classify(walked, walked.steps, plan)
    arms = [_rows_of(gathered, walked, place) for place in range(len(plan.variants))]
    found = []
    for place in range(1, len(arms)):
        counted = [_count(gathered, walked, arms, counts[kind], place) for kind in KINDS]
        rows = compare_counted(plan.variants[place].key, counted, plan.alpha)
        for kind, row in zip(KINDS, rows, strict=True):
            sums = [_sum(counts[kind], arms[0]), _sum(counts[kind], arms[place])]
            found.append(
                Deviation(
                    **fields_of(row),
                    kind=kind,
                    n_journeys_control=arms[0].size,
                    n_journeys_treatment=arms[place].size,
                    n_with_control=sums[0][0],
                    n_with_treatment=sums[1][0],
                    n_touchpoints_control=sums[0][1],
                    n_touchpoints_treatment=sums[1][1],
                )
            )
    return tuple(found)


def list_rework(gathered: Gathered, plan: AnalysisPlan, walked: WalkedJourney) -> tuple[Rework, ...]:
    """Count per stage what was done again."""
    if walked.steps is None:
        return ()
    stages = [stage["key"] for stage in plan.journey["stages"]]
    arms = [_rows_of(gathered, walked, place) for place in range(len(plan.variants))]
    found = []
    for place in range(1, len(arms)):
        columns = [walked.steps.rework[:, stage] for stage in range(len(stages))]
        counted = [_count(gathered, walked, arms, column, place) for column in columns]
        rows = compare_counted(plan.variants[place].key, counted, plan.alpha)
        found += [
            Rework(
                **fields_of(row),
                stage=key,
                n_touchpoints_control=_sum(column, arms[0])[1],
                n_touchpoints_treatment=_sum(column, arms[place])[1],
            )
            for key, column, row in zip(stages, columns, rows, strict=True)
        ]
    return tuple(found)


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


def _rows_of(gathered: Gathered, walked: WalkedJourney, place: int) -> IntArray:
    """Return the journeys of one arm that count."""
    mine = np.flatnonzero(walked.counted)
    return mine[gathered.arm(place)[walked.unit[mine]]]


def _count(
    gathered: Gathered, walked: WalkedJourney, arms: list[IntArray], column: IntArray, place: int
) -> Counted:
    """Count the customers of both arms with at least one journey that has any."""

    def having(arm: int) -> int:
        rows = arms[arm]
        return int(np.unique(walked.unit[rows[column[rows] > 0]]).size)

    sizes: list[Flags] = [gathered.arm(0), gathered.arm(place)]
    n = [int(np.count_nonzero(size)) for size in sizes]
    return Counted(having(0), n[0], having(place), n[1])


def _sum(column: IntArray, rows: IntArray) -> tuple[int, int]:
    """Return the journeys with any, and all of them."""
    return int(np.count_nonzero(column[rows])), int(column[rows].sum())
