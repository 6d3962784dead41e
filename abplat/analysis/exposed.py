"""Exposures of one experiment as columns, and the population they make."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from abplat.analysis.plan import AnalysisPlan
from abplat.analysis.population import ExposureColumns, Population, first_exposures
from abplat.analysis.who import Who

OVERRIDE = "override"


@dataclass(frozen=True, slots=True)
class ExposureFacts:
    """The exposures of an experiment in the order of time and event id, each id once.

    Attributes:
        code: Actor code of each.
        ts: When, in microseconds.
        variant: Position in ``variants``.
        variants: Names of the variants met, sorted.
        channel: Position in ``channels``, -1 unknown.
        channels: Names of the channels met, sorted.
        by_hand: Whether the exposure itself says that the variant was given by hand.
    """

    code: NDArray[np.int64]
    ts: NDArray[np.int64]
    variant: NDArray[np.int32]
    variants: tuple[str, ...]
    channel: NDArray[np.int32]
    channels: tuple[str, ...]
    by_hand: NDArray[np.bool_]

    def __len__(self) -> int:
        """Return the number of exposures."""
        return int(self.code.size)


@dataclass(frozen=True, slots=True)
class Exposed:
    """What the exposures of an experiment come to.

    Attributes:
        facts: The exposures.
        counting: Which of them put their customers into the population.
        population: Who was exposed to what; variants are positions in the plan.
        unknown_variants: Exposures to variants that are not planned, by name.
        n_overrides: Exposures to planned variants given by hand.
        n_earlier: Customers left out because an earlier phase exposed them.
    """

    facts: ExposureFacts
    counting: NDArray[np.bool_]
    population: Population
    unknown_variants: dict[str, int]
    n_overrides: int
    n_earlier: int


def expose(facts: ExposureFacts, who: Who, plan: AnalysisPlan, overridden: Sequence[int]) -> Exposed:
    """Find the population of an experiment: everyone by the earliest exposure.

    Units put into a variant by hand are not randomised; a variant that is not planned is none.

    Args:
        facts: The exposures.
        who: The customers.
        plan: Names the variants.
        overridden: Actor codes that the plan puts into a variant by hand.
    """
    places = {variant.key: place for place, variant in enumerate(plan.variants)}
    planned = np.array([places.get(name, -1) for name in facts.variants] or [-1], np.int32)[facts.variant]
    by_hand = facts.by_hand | np.isin(facts.code, np.array(overridden, np.int64))
    counting = (planned >= 0) & ~by_hand
    customer = who.customers_of(facts.code)
    earlier = _earlier(customer[counting], facts.ts[counting], plan)
    if earlier.size:
        counting &= ~np.isin(customer, earlier)
    kept = np.flatnonzero(counting)
    channel, channels = _compact(facts.channel[kept], facts.channels)
    population = first_exposures(
        ExposureColumns(
            customer=customer[kept],
            ts=facts.ts[kept],
            variant=planned[kept],
            variants=tuple(places),
            channel=channel,
            channels=channels,
            tie=np.arange(kept.size),
        )
    )
    counts = np.bincount(facts.variant, minlength=len(facts.variants))
    return Exposed(
        facts=facts,
        counting=counting,
        population=population,
        unknown_variants={
            name: int(n) for name, n in zip(facts.variants, counts, strict=True) if name not in places and n
        },
        n_overrides=int(np.count_nonzero(by_hand & (planned >= 0))),
        n_earlier=int(earlier.size),
    )


def _earlier(customer: NDArray[np.int32], ts: NDArray[np.int64], plan: AnalysisPlan) -> NDArray[np.int32]:
    """Return the customers of earlier phases: they were drawn by other weights or another salt."""
    since = plan.counts_from_us
    return np.unique(customer[ts < since]) if since is not None else np.empty(0, np.int32)


def _compact(
    channel: NDArray[np.int32], channels: tuple[str, ...]
) -> tuple[NDArray[np.int32], tuple[str, ...]]:
    """Drop the channels that nobody was exposed in."""
    used = np.zeros(len(channels) + 1, bool)
    used[channel] = True
    place = np.append(np.cumsum(used[:-1]) - 1, -1).astype(np.int32)
    return place[channel], tuple(name for name, is_used in zip(channels, used, strict=False) if is_used)
