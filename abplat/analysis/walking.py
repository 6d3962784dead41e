"""Journeys laid beside a population: which of them count, and what they make of each customer."""

from __future__ import annotations

import numpy as np

from abplat.analysis.gathered import WalkedJourney
from abplat.analysis.journeys.results import JourneyColumns
from abplat.analysis.journeys.rollup import Placed, count_up
from abplat.analysis.journeys.steps import JourneySteps
from abplat.analysis.population import POST, PRE, Population, relate


def lay_out(
    journeys: JourneyColumns,
    channels: tuple[str, ...],
    population: Population,
    *,
    horizon_us: int,
    grace_us: int,
    steps: JourneySteps | None = None,
) -> WalkedJourney:
    """Relate journeys to the exposures of a population and roll them up per customer."""
    unit = population.locate(journeys.customer)
    relation = relate(journeys, population, grace_us, unit)
    exposure = population.first_exposure[unit] if len(population) else np.zeros(len(journeys), np.int64)
    past = np.flatnonzero((relation == PRE) & (journeys.start >= exposure - horizon_us))
    before = np.bincount(unit[past], weights=journeys.touchpoints[past], minlength=len(population))
    return WalkedJourney(
        journeys=journeys,
        channels=channels,
        unit=unit,
        counted=(relation == POST) & (journeys.start <= exposure + horizon_us),
        rows=count_up(journeys, population, Placed(unit, relation), horizon_us),
        effort_before=before.astype(np.float64),
        steps=steps,
    )
