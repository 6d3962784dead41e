"""From journeys to one row per exposed customer: the numbers that metrics are made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

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
    at, relation = placed
    n = len(population)
    limit = np.full(len(journeys), NEVER, np.int64)
    if horizon_us is not None and n:
        limit = population.first_exposure[at] + horizon_us
    post = np.flatnonzero((relation == POST) & (journeys.start <= limit))
    owner = at[post]
    done = owner[journeys.completed[post] & (journeys.end[post] <= limit[post])]
    pre = np.flatnonzero(relation == PRE)

    def count(owners: NDArray[np.int64]) -> NDArray[np.int64]:
        return np.bincount(owners, minlength=n).astype(np.int64)

    def total(values: NDArray[np.int32]) -> NDArray[np.int64]:
        picked = values[post]
        if not picked.any():
            return np.zeros(n, np.int64)
        return np.rint(np.bincount(owner, weights=picked, minlength=n)).astype(np.int64)

    n_journeys, n_done = count(owner), count(done)
    return CustomerRows(
        journeys=n_journeys,
        completed_journeys=n_done,
        started=n_journeys > 0,
        completed=n_done > 0,
        reached=_reached(journeys, owner, post, limit[post], n),
        first_completion=_first_completion(journeys, at, relation == POST, population),
        touchpoints=total(journeys.touchpoints),
        switches=total(journeys.switches),
        repeats=total(journeys.repeats),
        backtracks=total(journeys.backtracks),
        recaptures=total(journeys.recaptures),
        last_next_stage=_last_next_stage(journeys, owner, post, n),
        pre_journeys=count(at[pre]),
        pre_completed=count(at[pre[journeys.completed[pre]]]),
    )


def _reached(
    journeys: JourneyColumns,
    owner: NDArray[np.int64],
    post: NDArray[np.int64],
    limit: NDArray[np.int64],
    n: int,
) -> NDArray[np.bool_]:
    """Return which stages each customer reached in time."""
    reached = np.zeros((n, journeys.stage_time.shape[1]), bool)
    in_time = (journeys.stage_order[post] >= 0) & (journeys.stage_time[post] <= limit[:, None])
    for stage in range(reached.shape[1]):
        reached[owner[in_time[:, stage]], stage] = True
    return reached


def _first_completion(
    journeys: JourneyColumns, at: NDArray[np.int64], post: NDArray[np.bool_], population: Population
) -> NDArray[np.int64]:
    """Return the time from exposure to the first completion, -1 where there is none."""
    first = np.full(len(population), NEVER, np.int64)
    done = np.flatnonzero(post & journeys.completed)
    np.minimum.at(first, at[done], journeys.end[done])
    # within the grace a journey may even end before its exposure was recorded: that took no time
    return np.where(first == NEVER, -1, np.maximum(first - population.first_exposure, 0))


def _last_next_stage(
    journeys: JourneyColumns, owner: NDArray[np.int64], post: NDArray[np.int64], n: int
) -> NDArray[np.int8]:
    """Return where each customer's last journey was left; journeys stand in the order of their start."""
    last = np.full(n, -1, np.int8)
    last[owner] = journeys.next_stage[post]
    return last
