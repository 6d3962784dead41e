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
INHERITED = frozenset({"pinned"})
"""Reasons of a decision that copies what was decided before."""


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
        sdk: Position in ``sdks``, -1 unknown.
        sdks: Names of the SDKs met, sorted.
        phase: The phase that decided, -1 where the exposure does not say.
        by_hand: Whether the exposure itself says that the variant was given by hand.
        inherited: Whether it copies what was decided before.
        cluster: Position in ``clusters`` of the group that was drawn, -1 where it says none.
        clusters: Names of the groups met; empty where customers were drawn.
    """

    code: NDArray[np.int64]
    ts: NDArray[np.int64]
    variant: NDArray[np.int32]
    variants: tuple[str, ...]
    channel: NDArray[np.int32]
    channels: tuple[str, ...]
    sdk: NDArray[np.int32]
    sdks: tuple[str, ...]
    phase: NDArray[np.int64]
    by_hand: NDArray[np.bool_]
    inherited: NDArray[np.bool_]
    cluster: NDArray[np.int32] | None = None
    clusters: tuple[str, ...] = ()

    def __len__(self) -> int:
        """Return the number of exposures."""
        return int(self.code.size)


@dataclass(frozen=True, slots=True)
class Exposed:
    """What the exposures of an experiment come to.

    Attributes:
        facts: The exposures.
        counting: Which of them put their customers into the population.
        variant: Per exposure the position of its variant in the plan, -1 for a variant that is none.
        population: Who was exposed to what; variants are positions in the plan.
        unknown_variants: Exposures to variants that are not planned, by name.
        n_overrides: Exposures to planned variants given by hand.
        n_earlier: Customers left out because an earlier phase exposed them.
        n_ungrouped: Exposures that do not say which group was drawn, though groups were.
    """

    facts: ExposureFacts
    counting: NDArray[np.bool_]
    variant: NDArray[np.int32]
    population: Population
    unknown_variants: dict[str, int]
    n_overrides: int
    n_earlier: int
    n_ungrouped: int = 0


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
    if facts.cluster is not None:
        counting &= facts.cluster >= 0
    customer = who.customers_of(facts.code)
    earlier = np.unique(customer[counting & _is_earlier(facts, plan)])
    if earlier.size:
        counting &= ~np.isin(customer, earlier)
    kept = np.flatnonzero(counting)
    channel, channels = compact(facts.channel[kept], facts.channels)
    population = first_exposures(
        ExposureColumns(
            customer=customer[kept],
            ts=facts.ts[kept],
            variant=planned[kept],
            variants=tuple(places),
            channel=channel,
            channels=channels,
            tie=np.arange(kept.size),
            cluster=None if facts.cluster is None else facts.cluster[kept],
            clusters=facts.clusters,
        )
    )
    counts = np.bincount(facts.variant, minlength=len(facts.variants))
    return Exposed(
        facts=facts,
        counting=counting,
        variant=planned,
        population=population,
        unknown_variants={
            name: int(n) for name, n in zip(facts.variants, counts, strict=True) if name not in places and n
        },
        n_overrides=int(np.count_nonzero(by_hand & (planned >= 0))),
        n_earlier=int(earlier.size),
        n_ungrouped=0 if facts.cluster is None else int(np.count_nonzero(facts.cluster < 0)),
    )


def _is_earlier(facts: ExposureFacts, plan: AnalysisPlan) -> NDArray[np.bool_]:
    """Return which exposures an earlier phase decided: they say so themselves, else their time does.

    An SDK may go by the configuration before for as long as it has no newer one.
    """
    if plan.counts_from_us is None:
        return np.zeros(len(facts), bool)
    by_time = facts.ts < plan.counts_from_us
    return np.where(facts.phase >= 0, facts.phase < plan.counts_from_phase, by_time)


def compact(
    channel: NDArray[np.int32], channels: tuple[str, ...]
) -> tuple[NDArray[np.int32], tuple[str, ...]]:
    """Drop the names that nobody was met by."""
    used = np.zeros(len(channels) + 1, bool)
    used[channel] = True
    place = np.append(np.cumsum(used[:-1]) - 1, -1).astype(np.int32)
    return place[channel], tuple(name for name, is_used in zip(channels, used, strict=False) if is_used)
