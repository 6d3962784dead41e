"""Who was exposed to what, when, and which journeys that makes comparable.

A customer belongs to the variant of the earliest exposure over all ids of that customer, for ever:
that keeps the randomisation. Journeys are judged by when they began: ``post`` journeys can have
been changed, those in flight at exposure are a pre-exposure fact and are left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from abplat.analysis.journeys.kernel import order_by_customer
from abplat.analysis.journeys.results import JourneyColumns

_Array: TypeAlias = NDArray[Any]
Flags: TypeAlias = NDArray[np.bool_]

# From so many customers on a table of places is quicker than searching, if it is not too empty.
_MANY, _SPARSE = 1_000, 20

RELATIONS = ("pre", "in_flight", "post", "unexposed")
PRE, IN_FLIGHT, POST, UNEXPOSED = range(4)


@dataclass(frozen=True, slots=True)
class ExposureColumns:
    """Exposures as of the snapshot, each id once, in any order."""

    customer: _Array
    ts: _Array
    variant: _Array
    """Position in ``variants``."""
    variants: tuple[str, ...]
    channel: _Array
    """Position in ``channels``, -1 unknown."""
    channels: tuple[str, ...]
    tie: _Array
    """Order of the exposure ids: decides between exposures of one instant."""
    cluster: _Array | None = None
    """Position in ``clusters`` of the group that was drawn; None where customers were."""
    clusters: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Population:
    """One entry per exposed customer, ordered by customer code."""

    customer: NDArray[np.int32]
    variant: NDArray[np.int32]
    """Position in ``variants``: that of the first exposure."""
    first_exposure: NDArray[np.int64]
    crossover: Flags
    """Met more than one variant."""
    exposures: NDArray[np.int64]
    coherent_exposures: NDArray[np.int64]
    """Exposures to the customer's own variant."""
    n_channels: NDArray[np.int64]
    """Different known channels of exposure."""
    channel_offset: NDArray[np.int64]
    """Channels of customer i: ``exposed_channel[channel_offset[i]:channel_offset[i + 1]]``."""
    exposed_channel: NDArray[np.int32]
    variants: tuple[str, ...]
    channels: tuple[str, ...]
    first_channel: NDArray[np.int32] | None = None
    """Position in ``channels`` of the first exposure, -1 unknown."""
    cluster: NDArray[np.int32] | None = None
    """Position in ``clusters`` of the group of the first exposure; None where customers were drawn."""
    clusters: tuple[str, ...] = ()

    def __len__(self) -> int:
        """Return the number of exposed customers."""
        return int(self.customer.size)

    def locate(self, customer: _Array) -> NDArray[np.int64]:
        """Return the entry of each customer, -1 for one never exposed."""
        if not len(self):
            return np.full(customer.size, -1, np.int64)
        last = int(self.customer[-1])
        if customer.size > _MANY and last < _SPARSE * customer.size:
            place = np.full(last + 2, -1, np.int64)
            place[self.customer] = np.arange(len(self))
            return np.asarray(place[np.minimum(customer, last + 1)])
        at = np.minimum(np.searchsorted(self.customer, customer), len(self) - 1)
        return np.where(self.customer[at] == customer, at, -1)

    def channels_of(self, i: int) -> tuple[str, ...]:
        """Return the channels in which customer i was exposed, sorted."""
        codes = self.exposed_channel[self.channel_offset[i] : self.channel_offset[i + 1]]
        return tuple(self.channels[code] for code in codes)

    def mature(self, horizon_us: int | None, as_of_us: int) -> Flags:
        """Return who has been observed for the whole horizon, whatever they have done since."""
        if horizon_us is None:
            return np.ones(len(self), bool)
        mature: Flags = self.first_exposure + horizon_us < as_of_us
        return mature

    def multi_channel(self) -> Flags:
        """Return who was exposed in two or more channels."""
        return np.asarray(self.n_channels >= 2)

    def coherent(self) -> Flags:
        """Return who was exposed in two or more channels and met one variant only."""
        return self.multi_channel() & ~self.crossover


def first_exposures(exposures: ExposureColumns) -> Population:
    """Give every exposed customer the variant and time of the earliest exposure."""
    order = _order(exposures)
    customer, variant = exposures.customer[order], exposures.variant[order]
    ts, channel = exposures.ts[order], exposures.channel[order]
    first = np.flatnonzero(_starts(customer))
    owner = np.cumsum(_starts(customer)) - 1
    n = first.size
    own = variant[first]
    exposed = np.bincount(owner, minlength=n)
    coherent = np.bincount(owner, weights=variant == own[owner], minlength=n).astype(np.int64)
    n_channels, offset, used = _channels(owner, channel, n)
    return Population(
        customer=customer[first].astype(np.int32),
        variant=own.astype(np.int32),
        first_exposure=ts[first].astype(np.int64),
        crossover=coherent < exposed,
        exposures=exposed,
        coherent_exposures=coherent,
        n_channels=n_channels,
        channel_offset=offset,
        exposed_channel=used.astype(np.int32),
        variants=exposures.variants,
        channels=exposures.channels,
        first_channel=channel[first].astype(np.int32),
        cluster=None if exposures.cluster is None else exposures.cluster[order][first].astype(np.int32),
        clusters=exposures.clusters,
    )


def _order(exposures: ExposureColumns) -> NDArray[np.int64]:
    """Return the order by customer, time and tie; mostly they come in that of time and tie already."""
    ts, tie = exposures.ts, exposures.tie
    later = (ts[1:] > ts[:-1]) | ((ts[1:] == ts[:-1]) & (tie[1:] >= tie[:-1]))
    if later.all():
        return np.asarray(order_by_customer(exposures.customer, int(exposures.customer.max(initial=-1)) + 1))
    return np.lexsort((tie, ts, exposures.customer))


def _starts(values: _Array) -> Flags:
    """Return where a new run of equal values begins."""
    starts = np.ones(values.size, bool)
    starts[1:] = values[1:] != values[:-1]
    return starts


def _channels(owner: _Array, channel: _Array, n: int) -> tuple[_Array, _Array, _Array]:
    """Return the distinct known channels per owner: how many, where they begin, which."""
    met = np.zeros((n, int(channel.max(initial=-1)) + 1), bool)
    known = channel >= 0
    met[owner[known], channel[known]] = True
    counts = met.sum(axis=1)
    return counts, np.concatenate([[0], np.cumsum(counts)]), np.nonzero(met)[1]


def relate(
    journeys: JourneyColumns, population: Population, grace_us: int = 0, at: NDArray[np.int64] | None = None
) -> NDArray[np.int8]:
    """Say of each journey whether it lies before, across or after its customer's first exposure.

    Args:
        journeys: The journeys of one definition.
        population: The exposed customers.
        grace_us: A start this long before the exposure still counts as after it, because an
            exposure is often recorded a moment after the page that caused it.
        at: The entry of each journey's customer, where it is known already.
    """
    at = population.locate(journeys.customer) if at is None else at
    if not len(population):
        return np.full(len(journeys), UNEXPOSED, np.int8)
    exposure = population.first_exposure[at]
    relation = np.full(len(journeys), PRE, np.int8)
    relation[journeys.end >= exposure] = IN_FLIGHT
    relation[journeys.start >= exposure - grace_us] = POST
    relation[at < 0] = UNEXPOSED
    return relation


@dataclass(frozen=True, slots=True)
class VariantCounts:
    """What a population did in one variant: customers, and journeys after exposure within the horizon."""

    exposed: int
    started: int
    completed: int
    journeys: int
    completed_journeys: int
    multi_channel_exposed: int
    coherent: int


def count_variants(population: Population, rows: Any, keep: Flags) -> dict[str, VariantCounts]:
    """Count what the kept customers did, per variant that has any.

    Args:
        population: The exposed customers.
        rows: Their ``CustomerRows`` (``analysis.journeys.rollup``).
        keep: Which customers count: mature, and with or without crossovers.
    """

    def total(values: _Array, arm: Flags) -> int:
        return int(np.sum(values[arm]))

    counts = {}
    for code, key in enumerate(population.variants):
        arm = keep & (population.variant == code)
        if arm.any():
            counts[key] = VariantCounts(
                exposed=int(arm.sum()),
                started=total(rows.journeys > 0, arm),
                completed=total(rows.completed_journeys > 0, arm),
                journeys=total(rows.journeys, arm),
                completed_journeys=total(rows.completed_journeys, arm),
                multi_channel_exposed=total(population.multi_channel(), arm),
                coherent=total(population.coherent(), arm),
            )
    return counts


POPULATIONS: Sequence[str] = ("itt_first_exposure", "exclude_crossovers")


def members(population: Population, name: str, horizon_us: int | None, as_of_us: int) -> Flags:
    """Return who belongs to a named population: everyone exposed, or those without a crossover."""
    keep = population.mature(horizon_us, as_of_us)
    return keep & ~population.crossover if name == "exclude_crossovers" else keep
