"""A sample of journeys for the report: by arm and ending, always the same, and without any id.

Which journeys are drawn follows from their instants alone, in a way that looks like chance; ties are
broken by the customer's place among all names. So the same facts give the same sample, however the
lake is laid out.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from typing import Final

import numpy as np

from abplat.analysis.gathered import IntArray, WalkedJourney
from abplat.analysis.journeys.results import STATUSES, JourneyColumns
from abplat.analysis.plan import AnalysisPlan
from abplat.analysis.population import Population
from abplat.analysis.snapshot import Snapshot
from abplat.domain.report_samples import SampledJourney, SampledStage, SampleSection

SIZE: Final = 20
CODE_LETTERS: Final = 10
_SCATTER: Final = np.uint64(0x9E3779B97F4A7C15)


def sample_journeys(
    snapshot: Snapshot, plan: AnalysisPlan, population: Population, walked: WalkedJourney
) -> SampleSection | None:
    """Draw journeys that count: as many of each arm, and within it of each ending, as can be.

    Args:
        snapshot: To ask for the names of the few customers that were drawn.
        plan: Whose secret makes the codes.
        population: The exposed customers.
        walked: The journeys of the experiment.
    """
    eligible = np.flatnonzero(walked.counted & (walked.unit >= 0))
    if not eligible.size:
        return None
    chosen = _choose(eligible, population, walked, len(plan.variants))
    codes = _name(snapshot, plan.mask, walked.journeys.customer[chosen])
    journeys = tuple(
        _describe(int(place), code, plan, population, walked)
        for place, code in zip(chosen.tolist(), codes, strict=True)
    )
    return SampleSection(n_journeys=int(eligible.size), journeys=journeys)


def _choose(eligible: IntArray, population: Population, walked: WalkedJourney, n_arms: int) -> IntArray:
    """Return the places of the journeys, arm by arm and ending by ending."""
    arm = population.variant[walked.unit[eligible]]
    status = walked.journeys.status[eligible]
    order = np.lexsort((walked.journeys.customer[eligible], _scatter(walked.journeys, eligible)))
    found: list[int] = []
    for variant in range(n_arms):
        mine = [
            eligible[order[(arm[order] == variant) & (status[order] == ending)]].tolist()
            for ending in range(len(STATUSES))
        ]
        for places, n in zip(mine, share_out([len(each) for each in mine], SIZE // n_arms), strict=True):
            found += places[:n]
    return np.array(found, np.int64)


def _scatter(journeys: JourneyColumns, chosen: IntArray) -> np.ndarray:
    """Return a number per journey that says nothing of it, and is the same whenever it is asked for."""
    with np.errstate(over="ignore"):
        mixed = (journeys.start[chosen].astype(np.uint64) ^ journeys.end[chosen].astype(np.uint64)) * _SCATTER
        return np.asarray((mixed ^ (mixed >> np.uint64(29))) * _SCATTER)


def share_out(sizes: Sequence[int], wanted: int) -> list[int]:
    """Share places out over groups, one after the other, as far as each has any.

    Examples:
        >>> share_out([9, 1, 9], 6), share_out([2, 0, 1], 10)
        ([3, 1, 2], [2, 0, 1])
    """
    given = [0] * len(sizes)
    left = min(wanted, sum(sizes))
    while left:
        for place, size in enumerate(sizes):
            if left and given[place] < size:
                given[place] += 1
                left -= 1
    return given


def _name(snapshot: Snapshot, mask: str, customers: np.ndarray) -> list[str]:
    """Return a code for each customer; nothing where the plan has no secret."""
    if not mask or not customers.size:
        return [""] * int(customers.size)
    places = snapshot.who.identities.named_by[customers]
    numbers = snapshot.who.code_of[places].tolist()
    names = snapshot.who.sources.names_of(sorted(set(numbers)))
    return [make_code(mask, names[number]) for number in numbers]


def make_code(mask: str, name: str) -> str:
    """Return what stands for an id: who has not the secret cannot even try ids.

    Examples:
        >>> make_code("a secret", "cust:7") == make_code("a secret", "cust:7") != make_code("other", "cust:7")
        True
    """
    return hmac.new(mask.encode(), name.encode(), hashlib.sha256).hexdigest()[:CODE_LETTERS]


def _describe(
    place: int, code: str, plan: AnalysisPlan, population: Population, walked: WalkedJourney
) -> SampledJourney:
    """Write one journey down."""
    journeys, unit = walked.journeys, int(walked.unit[place])
    stages = [stage["key"] for stage in plan.journey["stages"]]
    missing = int(journeys.next_stage[place])
    start = int(journeys.start[place])
    return SampledJourney(
        variant=plan.variants[int(population.variant[unit])].key,
        code=code,
        status=STATUSES[int(journeys.status[place])],
        next_stage=stages[missing] if missing >= 0 else None,
        after_exposure=_seconds(start - int(population.first_exposure[unit])),
        seconds=_seconds(int(journeys.end[place]) - start),
        touchpoints=int(journeys.touchpoints[place]),
        switches=int(journeys.switches[place]),
        path=_path(place, walked),
        stages=tuple(_stages(place, stages, walked)),
    )


def _path(place: int, walked: WalkedJourney) -> tuple[str, ...]:
    """Return the channels of a journey by name."""
    if walked.steps is None:
        return ()
    return tuple(walked.channels[channel] for channel in walked.steps.paths[int(walked.steps.path[place])])


def _stages(place: int, keys: Sequence[str], walked: WalkedJourney) -> list[SampledStage]:
    """Return the stages in the order in which they were reached."""
    journeys = walked.journeys
    order = journeys.stage_order[place]
    reached = [int(stage) for stage in np.argsort(order, kind="stable") if order[stage] >= 0]
    return [
        SampledStage(
            stage=keys[stage],
            channel=_channel(int(journeys.stage_channel[place, stage]), walked),
            seconds=_seconds(int(journeys.stage_time[place, stage]) - int(journeys.start[place])),
        )
        for stage in reached
    ]


def _channel(code: int, walked: WalkedJourney) -> str | None:
    """Return the name of a channel."""
    return walked.channels[code] if code >= 0 else None


def _seconds(micros: int) -> float:
    """Return whole seconds: finer times could tell a customer from another."""
    return float(round(micros / 1e6))
