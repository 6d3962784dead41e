"""What was gathered from the facts before a single statistic is made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from abplat.analysis.units import ExposedUnits, FloatArray, IntArray, PostJourneys


@dataclass(frozen=True, slots=True)
class Contacts:
    """The events one metric counts, of exposed customers only."""

    unit: IntArray
    ts: IntArray
    value: FloatArray


@dataclass(frozen=True, slots=True)
class PopulationCounts:
    """How the experiment met its customers, for the findings."""

    n_events: int
    n_customers: int
    n_journeys: int
    data_through_us: int | None
    fact_versions: Mapping[str, int]
    shared_ids: tuple[str, ...] = ()
    n_refused_links: int = 0
    n_multi_channel: int = 0
    n_coherent: int = 0
    unknown_variants: Mapping[str, int] = field(default_factory=dict)
    n_overrides: int = 0


@dataclass(frozen=True, slots=True)
class Gathered:
    """Everything the scorecard needs, as arrays of the columns needed and nothing more."""

    units: ExposedUnits
    journeys: PostJourneys
    """Of the experiment's own journey."""
    others: Mapping[str, PostJourneys]
    """Of every journey that a metric counts on, by key."""
    contacts: Mapping[str, Contacts]
    """Per metric key, for the metrics that count events."""
    effort_before: Mapping[str, FloatArray]
    """Per journey, the touchpoints of each exposed customer in the window before the exposure."""
    channels: tuple[str, ...]
    statuses: tuple[str, ...]
    counts: PopulationCounts
