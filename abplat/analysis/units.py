"""Unit rows: one number per exposed customer and metric, from journeys and touchpoints.

Everything is counted within the horizon that starts at a customer's first exposure, and over
``post`` journeys only (``docs``: 3.2.12 and 3.2.13 of the journey rules): what had begun before the
exposure is no effect of it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

NEVER = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True)
class ExposedUnits:
    """The exposed customers of one experiment, one entry each, by customer code.

    Attributes:
        customer: Customer codes, ascending.
        variant: Position of the variant in the plan.
        exposed_us: First exposure.
        mature: Whether the horizon has passed at ``as_of``.
        crossover: Whether more than one variant was met.
        as_of_us: The snapshot.
        horizon_us: What counts after the exposure.
    """

    customer: IntArray
    variant: IntArray
    exposed_us: IntArray
    mature: BoolArray
    crossover: BoolArray
    as_of_us: int
    horizon_us: int

    def __len__(self) -> int:
        """Return the number of exposed customers."""
        return len(self.customer)

    def locate(self, customers: IntArray) -> IntArray:
        """Return the position of each customer here, -1 where a customer was not exposed."""
        if not len(self.customer):
            return np.full(len(customers), -1, dtype=np.int64)
        places = np.searchsorted(self.customer, customers)
        places[places == len(self.customer)] = 0
        return np.where(self.customer[places] == customers, places, -1)


@dataclass(frozen=True, slots=True)
class PostJourneys:
    """The journeys that began after their customer's exposure, within the horizon.

    Attributes:
        unit: Position of the customer in the exposed units.
        start: Start of the journey.
        completed_us: Completion, ``NEVER`` where there is none.
        touchpoints: Contacts within the journey.
        stage_us: Time of each stage, ``NEVER`` where it was not reached.
        stage_channel: Channel code of each stage, -1 where unknown.
        stage_order: Which stage was reached how early, 0 for the first, -1 where it was not reached.
        status: Status code of the matcher.
        next_stage: First required stage missing, -1 for none.
    """

    unit: IntArray
    start: IntArray
    completed_us: IntArray
    touchpoints: IntArray
    stage_us: IntArray
    stage_channel: NDArray[np.integer]
    stage_order: NDArray[np.integer]
    status: NDArray[np.integer]
    next_stage: NDArray[np.integer]


def deadline(units: ExposedUnits) -> IntArray:
    """Return the last instant that counts, per exposed customer."""
    return units.exposed_us + units.horizon_us


def started(units: ExposedUnits, journeys: PostJourneys) -> FloatArray:
    """Return 1 for each customer with a journey."""
    return _any(units, journeys.unit, np.ones(len(journeys.unit), dtype=bool))


def completed(units: ExposedUnits, journeys: PostJourneys) -> FloatArray:
    """Return 1 for each customer with a journey completed within the horizon."""
    return _any(units, journeys.unit, journeys.completed_us <= deadline(units)[journeys.unit])


def reached(units: ExposedUnits, journeys: PostJourneys, stage: int) -> FloatArray:
    """Return 1 for each customer that reached a stage within the horizon."""
    return _any(units, journeys.unit, journeys.stage_us[:, stage] <= deadline(units)[journeys.unit])


def effort(units: ExposedUnits, journeys: PostJourneys) -> FloatArray:
    """Return the touchpoints of each customer's journeys."""
    return np.bincount(journeys.unit, weights=journeys.touchpoints, minlength=len(units)).astype(np.float64)


def first_completion(units: ExposedUnits, journeys: PostJourneys) -> tuple[FloatArray, BoolArray]:
    """Return seconds from exposure to first completion, and whether it was seen.

    Everyone else is censored at the end of the horizon or at ``as_of``, whichever is earlier: not
    completed yet is not a failure. Immature customers take part.
    """
    first = np.full(len(units), NEVER, dtype=np.int64)
    np.minimum.at(first, journeys.unit, journeys.completed_us)
    end = np.minimum(deadline(units), units.as_of_us)
    observed = first <= end
    times = (np.where(observed, first, end) - units.exposed_us) / 1e6
    return np.maximum(times, 0.0), observed


def tally(
    units: ExposedUnits, unit: IntArray, ts: IntArray, weight: FloatArray | None, *, before: bool = False
) -> FloatArray:
    """Sum the touchpoints (or their weights) of each customer within the horizon.

    With ``before``, within the equally long window that ends at the exposure: what the customer was
    like before anything could have an effect, for variance reduction.
    """
    exposed = units.exposed_us[unit]
    if before:
        inside = (ts >= exposed - units.horizon_us) & (ts < exposed)
    else:
        inside = (ts >= exposed) & (ts <= exposed + units.horizon_us)
    weights = None if weight is None else weight[inside]
    return np.bincount(unit[inside], weights=weights, minlength=len(units)).astype(np.float64)


def _any(units: ExposedUnits, unit: IntArray, hit: BoolArray) -> FloatArray:
    """Return 1 for each customer with at least one hit."""
    found = np.zeros(len(units), dtype=np.float64)
    found[unit[hit]] = 1.0
    return found
