"""From journeys to one row per exposed customer: the numbers that metrics are made of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from abplat.analysis.journeys.results import JourneyColumns
from abplat.analysis.population import POST, PRE, Population, relate

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
    relation = relate(journeys, population, grace_us)
    n = len(population)
    limit = np.full(len(journeys), NEVER, np.int64)
    if horizon_us is not None and n:
        limit = population.first_exposure[at] + horizon_us
    post = (relation == POST) & (journeys.start <= limit)
    done = post & journeys.completed & (journeys.end <= limit)
    pre = relation == PRE

    def count(chosen: NDArray[np.bool_]) -> NDArray[np.int64]:
        return np.bincount(at[chosen], minlength=n).astype(np.int64)

    def total(values: NDArray[np.int32]) -> NDArray[np.int64]:
        sums = np.bincount(at[post], weights=values[post], minlength=n)
        return np.rint(sums).astype(np.int64)

    n_journeys, n_done = count(post), count(done)
    return CustomerRows(
        journeys=n_journeys,
        completed_journeys=n_done,
        started=n_journeys > 0,
        completed=n_done > 0,
        reached=_reached(journeys, at, post, limit, n),
        first_completion=_first_completion(journeys, at, relation == POST, population),
        touchpoints=total(journeys.touchpoints),
        switches=total(journeys.switches),
        repeats=total(journeys.repeats),
        backtracks=total(journeys.backtracks),
        recaptures=total(journeys.recaptures),
        last_next_stage=_last_next_stage(journeys, at, post, n),
        pre_journeys=count(pre),
        pre_completed=count(pre & journeys.completed),
    )


def _reached(
    journeys: JourneyColumns,
    at: NDArray[np.int64],
    post: NDArray[np.bool_],
    limit: NDArray[np.int64],
    n: int,
) -> NDArray[np.bool_]:
    """Return which stages each customer reached in time."""
    reached = np.zeros((n, journeys.stage_time.shape[1]), bool)
    for stage in range(reached.shape[1]):
        in_time = post & journeys.reached[:, stage] & (journeys.stage_time[:, stage] <= limit)
        reached[at[in_time], stage] = True
    return reached


def _first_completion(
    journeys: JourneyColumns, at: NDArray[np.int64], post: NDArray[np.bool_], population: Population
) -> NDArray[np.int64]:
    """Return the time from exposure to the first completion, -1 where there is none."""
    first = np.full(len(population), NEVER, np.int64)
    done = post & journeys.completed
    np.minimum.at(first, at[done], journeys.end[done])
    # within the grace a journey may even end before its exposure was recorded: that took no time
    return np.where(first == NEVER, -1, np.maximum(first - population.first_exposure, 0))


def _last_next_stage(
    journeys: JourneyColumns, at: NDArray[np.int64], post: NDArray[np.bool_], n: int
) -> NDArray[np.int8]:
    """Return where each customer's last journey was left; journeys stand in the order of their start."""
    last = np.full(n, -1, np.int8)
    last[at[post]] = journeys.next_stage[post]
    return last
