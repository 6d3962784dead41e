"""From journeys to one row per exposed customer: the numbers that metrics are made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from abplat.analysis.journeys import rollup_kernel as k
from abplat.analysis.journeys.results import JourneyColumns
from abplat.analysis.population import Population, relate

NEVER = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True)
class CustomerRows:
    """One entry per customer of a population, in its order.

    Everything but ``pre_*`` speaks of ``post`` journeys that start within the horizon.
    """

    journeys: NDArray[np.int64]
    completed_journeys: NDArray[np.int64]
    """Completed within the horizon."""
    started: NDArray[np.bool_]
    completed: NDArray[np.bool_]
    reached: NDArray[np.bool_]
    """[:, stage] whether the stage was reached within the horizon by some journey."""
    first_completion: NDArray[np.int64]
    """Microseconds from exposure to the first completion whatever the horizon; -1 where there is none."""
    touchpoints: NDArray[np.int64]
    switches: NDArray[np.int64]
    repeats: NDArray[np.int64]
    backtracks: NDArray[np.int64]
    recaptures: NDArray[np.int64]
    last_next_stage: NDArray[np.int8]
    """Where the last journey stands or was left: the first required stage missing; -1 if completed or none."""
    pre_journeys: NDArray[np.int64]
    pre_completed: NDArray[np.int64]
    """Journeys before exposure, for variance reduction: they cannot depend on the variant."""


def roll_up(
    journeys: JourneyColumns, population: Population, *, horizon_us: int | None = None, grace_us: int = 0
) -> CustomerRows:
    """Count each exposed customer's journeys before and after exposure.

    Starts, stages and completions count up to and including exposure + horizon.
    """
    at = population.locate(journeys.customer)
    return count_up(journeys, population, Placed(at, relate(journeys, population, grace_us, at)), horizon_us)


class Placed(NamedTuple):
    """Journeys laid beside a population.

    Attributes:
        at: Per journey the entry of its customer, -1 where it has none.
        relation: Where each lies to the exposure.
    """

    at: NDArray[np.int64]
    relation: NDArray[np.int8]


def count_up(
    journeys: JourneyColumns, population: Population, placed: Placed, horizon_us: int | None
) -> CustomerRows:
    """Count each exposed customer's journeys, laid beside the population already."""
    n = len(population)
    limits = np.full(n, NEVER, np.int64) if horizon_us is None else population.first_exposure + horizon_us
    sums = np.zeros((n, k.N_COUNTS), np.int64)
    first, last = np.full(n, NEVER, np.int64), np.full(n, -1, np.int8)
    reached = np.zeros((n, journeys.stage_time.shape[1]), bool)
    counted = (journeys.touchpoints, journeys.switches, journeys.repeats, journeys.backtracks, journeys.recaptures)  # fmt: skip
    k.roll_up(
        placed.at,
        placed.relation,
        limits,
        (journeys.start, journeys.end),
        (journeys.status, journeys.next_stage),
        counted,
        (journeys.stage_time, journeys.stage_order),
        (sums, first, last, reached),
    )
    return CustomerRows(
        journeys=sums[:, k.JOURNEYS].copy(),
        completed_journeys=sums[:, k.COMPLETED].copy(),
        started=sums[:, k.JOURNEYS] > 0,
        completed=sums[:, k.COMPLETED] > 0,
        reached=reached,
        # within the grace a journey may even end before its exposure was recorded: that took no time
        first_completion=np.where(first == NEVER, -1, np.maximum(first - population.first_exposure, 0)),
        touchpoints=sums[:, k.TOUCHPOINTS].copy(),
        switches=sums[:, k.SWITCHES].copy(),
        repeats=sums[:, k.REPEATS].copy(),
        backtracks=sums[:, k.BACKTRACKS].copy(),
        recaptures=sums[:, k.RECAPTURES].copy(),
        last_next_stage=last,
        pre_journeys=sums[:, k.PRE_JOURNEYS].copy(),
        pre_completed=sums[:, k.PRE_COMPLETED].copy(),
    )
