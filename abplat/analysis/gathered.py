"""What was gathered from the facts before a single statistic is made."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from abplat.analysis.encounters import Encounters
from abplat.analysis.journeys.results import JourneyColumns
from abplat.analysis.journeys.rollup import CustomerRows
from abplat.analysis.journeys.steps import JourneySteps
from abplat.analysis.population import Population
from abplat.analysis.profile import Profile
from abplat.domain.report_samples import SampleSection

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Flags = NDArray[np.bool_]
Made = TypeVar("Made")


@dataclass(frozen=True, slots=True)
class Contacts:
    """The events one metric counts, of exposed customers only, those of each in the order of time.

    ``unit`` is the position of the customer in the population.
    """

    unit: IntArray
    ts: IntArray
    value: FloatArray
    label: NDArray[np.int32] | None = None
    """Position in ``labels`` of the property asked for, -1 where the event has none."""
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Counts:
    """How the experiment met its customers, for the findings."""

    n_events: int
    n_customers: int
    data_through_us: int | None
    fact_versions: Mapping[str, int]
    shared_ids: tuple[str, ...] = ()
    n_refused_links: int = 0
    n_limited_links: int = 0
    unknown_variants: Mapping[str, int] = field(default_factory=dict)
    n_overrides: int = 0
    fact_counts: Mapping[str, int] = field(default_factory=dict)
    """Per kind of fact how many existed as of the snapshot."""
    limited_ids: tuple[str, ...] = ()
    """Ids beyond the limit of a type: they stay alone."""
    n_ungrouped: int = 0
    """Exposures that do not say which group was drawn, though groups were."""


@dataclass(frozen=True, slots=True)
class WalkedJourney:
    """The journeys of one definition, and what they make of each exposed customer.

    Attributes:
        journeys: All journeys found.
        channels: Channel names by code.
        unit: Per journey the position of its customer in the population, -1 where not exposed.
        counted: Per journey whether it began after the exposure and within the horizon.
        rows: One entry per exposed customer.
        effort_before: Touchpoints of the journeys that began in the horizon-long window before the
            exposure and ended there: what cannot depend on the variant.
    """

    journeys: JourneyColumns
    channels: tuple[str, ...]
    unit: IntArray
    counted: Flags
    rows: CustomerRows
    effort_before: FloatArray
    steps: JourneySteps | None = None
    """What happened inside each journey; only of the experiment's own."""


@dataclass(frozen=True, slots=True)
class Gathered:
    """Everything the scorecard needs, as arrays of the columns needed and nothing more."""

    as_of_us: int
    horizon_us: int
    population: Population
    """``variant`` is a position in the plan's variants."""
    mature: Flags
    walked: Mapping[str, WalkedJourney]
    """By journey key; the experiment's own journey is among them."""
    contacts: Mapping[str, Contacts]
    """By the keys of ``abplat.analysis.needs``, for the metrics that count events."""
    counts: Counts
    scores: Mapping[str, Contacts] = field(default_factory=dict)
    """By the name of the score."""
    n_earlier: int = 0
    """Customers left out because an earlier phase exposed them."""
    encounters: Encounters | None = None
    """How the customers were met, exposure by exposure."""
    profile: Profile | None = None
    """What was known of the customers before their first exposure."""
    capable: Mapping[str, Contacts] = field(default_factory=dict)
    """By channel, the touchpoints that can show a variant."""
    samples: SampleSection | None = None
    """A few of the journeys, drawn while the names of their customers can be asked for."""

    _made: dict[Hashable, Any] = field(default_factory=dict, init=False, compare=False, repr=False)

    def once(self, key: Hashable, make: Callable[[], Made]) -> Made:
        """Return what is made of these facts; it is made when it is first asked for.

        Args:
            key: What is made. The same key must always stand for the same thing.
            make: Makes it, of nothing but these facts and the key.
        """
        if key not in self._made:
            self._made[key] = make()
        return cast("Made", self._made[key])

    @property
    def arms(self) -> IntArray:
        """Return the variant of each mature customer, -1 for all others."""
        return self.once("arms", lambda: np.where(self.mature, self.population.variant, -1).astype(np.int64))

    def arm(self, variant: int) -> Flags:
        """Return the mature customers of a variant: the denominator of every metric."""
        return self.once(("arm", variant), lambda: np.asarray(self.arms == variant))
